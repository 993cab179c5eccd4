// Command kustomize-loop builds folders with kustomize's own engine in one process, again and again.
//
// Input: a folder per line. Output: per folder its name, the shortest and the median time of a build in microseconds,
// and the length of what it built; or its name and "failed". A peer for benchmarks, not a part of the product.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func main() {
	rounds := flag.Int("rounds", 10, "builds per folder")
	most := flag.Duration("most", 3*time.Second, "time per folder after which no further build is begun")
	flag.Parse()
	options := krusty.MakeDefaultOptions()
	options.LoadRestrictions = types.LoadRestrictionsNone
	options.PluginConfig = types.DisabledPluginConfig()
	folders := bufio.NewScanner(os.Stdin)
	for folders.Scan() {
		measure(folders.Text(), options, *rounds, *most)
	}
}

func measure(folder string, options *krusty.Options, rounds int, most time.Duration) {
	var times []time.Duration
	length := 0
	for begin := time.Now(); len(times) < rounds && (len(times) == 0 || time.Since(begin) < most); {
		start := time.Now()
		built, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), folder)
		if err != nil {
			fmt.Printf("%s failed\n", folder)
			return
		}
		text, err := built.AsYaml()
		if err != nil {
			fmt.Printf("%s failed\n", folder)
			return
		}
		times = append(times, time.Since(start))
		length = len(text)
	}
	slices.Sort(times)
	fmt.Printf("%s %d %d %d\n", folder, times[0].Microseconds(), times[len(times)/2].Microseconds(), length)
}
