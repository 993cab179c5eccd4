// Command helm-loop renders charts with Helm's own packages in one process, again and again.
//
// Input: a chart's folder per line. Output: per chart its folder, the shortest and the median time of a rendering in
// microseconds, and the length of what it rendered; or its folder and "failed". A chart is loaded and its dependencies
// are processed once; a global value differs in each rendering. A peer for benchmarks, not a part of the product.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
)

func main() {
	rounds := flag.Int("rounds", 20, "renderings per chart")
	most := flag.Duration("most", 5*time.Second, "time per chart after which no further rendering is begun")
	flag.Parse()
	charts := bufio.NewScanner(os.Stdin)
	for charts.Scan() {
		measure(charts.Text(), *rounds, *most)
	}
}

func measure(folder string, rounds int, most time.Duration) {
	loaded, err := loader.Load(folder)
	if err == nil {
		err = chartutil.ProcessDependencies(loaded, common.Values{})
	}
	if err != nil {
		fmt.Printf("%s failed\n", folder)
		return
	}
	var times []time.Duration
	length := 0
	for begin := time.Now(); len(times) < rounds && (len(times) == 0 || time.Since(begin) < most); {
		start := time.Now()
		length, err = render(loaded, len(times))
		if err != nil {
			fmt.Printf("%s failed\n", folder)
			return
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	fmt.Printf("%s %d %d %d\n", folder, times[0].Microseconds(), times[len(times)/2].Microseconds(), length)
}

func render(loaded *chart.Chart, round int) (int, error) {
	values := map[string]any{"global": map[string]any{"benchmarkRound": float64(round)}}
	release := common.ReleaseOptions{Name: "rel", Namespace: "ns1", Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(loaded, values, release, common.DefaultCapabilities.Copy())
	if err != nil {
		return 0, err
	}
	files, err := engine.Render(loaded, all)
	if err != nil {
		return 0, err
	}
	// Notes are for people and no manifest; Helm takes them out as well.
	maps.DeleteFunc(files, func(name, _ string) bool { return strings.HasSuffix(name, "NOTES.txt") })
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return 0, err
	}
	length := 0
	for _, hook := range hooks {
		length += len(hook.Manifest)
	}
	for _, manifest := range manifests {
		length += len(manifest.Content)
	}
	return length, nil
}
