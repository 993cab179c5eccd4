// Command controlplane is a real Kubernetes control plane in one binary, for end-to-end tests on one machine.
//
// It takes its part from the name it is called by (a link per part), or from its first argument:
//
//	etcd --data-dir DIR --client URL --peer URL
//	kube-apiserver | kube-controller-manager | kube-scheduler | kubectl, with their usual flags
//	kwok --kubeconfig FILE, which plays the kubelet of nodes that do not exist
//
// `cargo xtask cluster up` builds and starts it. Nothing here is shipped.
package main

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	_ "time/tzdata"

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	stagenode "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	stagelease "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	stagepod "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
	kwok "sigs.k8s.io/kwok/pkg/kwok/cmd"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
	kwoksignals "sigs.k8s.io/kwok/pkg/utils/signals"
)

func main() {
	name := filepath.Base(os.Args[0])
	if !known(name) && len(os.Args) > 1 {
		name, os.Args = os.Args[1], os.Args[1:]
	}
	if !known(name) {
		fmt.Fprintln(os.Stderr, "usage: controlplane etcd|kube-apiserver|kube-controller-manager|kube-scheduler|kwok|kubectl [flags]")
		os.Exit(2)
	}
	os.Exit(start(name))
}

func known(name string) bool {
	switch name {
	case "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok":
		return true
	}
	return false
}

// start builds one command only: building several would register their flags twice in the process.
func start(name string) int {
	switch name {
	case "kube-apiserver":
		return cli.Run(apiserver.NewAPIServerCommand())
	case "kube-controller-manager":
		return cli.Run(controllers.NewControllerManagerCommand())
	case "kube-scheduler":
		return cli.Run(scheduler.NewSchedulerCommand())
	case "kubectl":
		return cli.Run(kubectl.NewDefaultKubectlCommand())
	case "kwok":
		return report(runKwok())
	default:
		return report(runEtcd(os.Args[1:]))
	}
}

func report(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// runEtcd serves one member that never flushes to disk: a test cluster may lose its data, and is faster for it.
func runEtcd(args []string) error {
	flags := flag.NewFlagSet("etcd", flag.ExitOnError)
	dir := flags.String("data-dir", "etcd", "folder of the data")
	clients := flags.String("client", "http://127.0.0.1:2379", "address for clients")
	peers := flags.String("peer", "http://127.0.0.1:2380", "address for peers")
	if err := flags.Parse(args); err != nil {
		return err
	}
	client, err := url.Parse(*clients)
	if err != nil {
		return err
	}
	peer, err := url.Parse(*peers)
	if err != nil {
		return err
	}

	config := embed.NewConfig()
	config.Name, config.Dir, config.LogLevel, config.UnsafeNoFsync = "controlplane", *dir, "warn", true
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	server, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	defer server.Close()

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	select {
	case <-stop:
		return nil
	case err := <-server.Err():
		return err
	}
}

// runKwok starts kwok. Where no --config names other stages, nodes and pods get ready at once.
func runKwok() error {
	if !strings.Contains(strings.Join(os.Args, " "), "--config") {
		stages, err := writeFastStages()
		if err != nil {
			return err
		}
		defer os.Remove(stages)
		os.Args = append(os.Args, "--config="+stages)
	}

	// The Kubernetes packages have put their --version into the process-wide flags, and it is not kwok's.
	pflag.CommandLine = pflag.NewFlagSet("kwok", pflag.ContinueOnError)
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, _ := kwoklog.InitFlags(kwoksignals.SetupSignalContext(), flags)
	ctx, err := kwokconfig.InitFlags(ctx, flags)
	if err != nil {
		return err
	}
	command := kwok.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(flags)
	return command.ExecuteContext(ctx)
}

// writeFastStages puts the stages that kwok carries in itself into one file, and returns its path.
func writeFastStages() (string, error) {
	file, err := os.CreateTemp("", "kwok-stages-*.yaml")
	if err != nil {
		return "", err
	}
	stages := []string{
		stagenode.DefaultNodeInit, stagelease.DefaultNodeHeartbeatWithLease,
		stagepod.DefaultPodReady, stagepod.DefaultPodComplete, stagepod.DefaultPodDelete,
	}
	_, err = file.WriteString(strings.Join(stages, "\n---\n"))
	if closed := file.Close(); err == nil {
		err = closed
	}
	return file.Name(), err
}
