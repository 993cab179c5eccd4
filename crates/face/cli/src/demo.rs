//! `lode demo`: a cluster, a Git server with a sample fleet, and the operator, all in this process.
//!
//! Output: the path of a kubeconfig on stdout and what to try on stderr. With `--script` the demo
//! does the steps itself and prints one line per step on stdout. It leaves nothing behind and
//! connects to nothing outside this machine.

mod fleet;
mod live;
mod script;
mod world;

use std::path::Path;

use anyhow::{Context as _, bail};
use lode_disk::Scratch;
use lode_serve::Ending;

use crate::demo::world::World;
use crate::output;

/// How the demo runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run every step and exit: 0 if each had its effect, else 1
    #[arg(long)]
    script: bool,
}

/// Shows the demo until it is interrupted, or runs its script. `storage` is the operator's folder;
/// it must outlive all threads.
pub(crate) async fn run(args: Args, storage: &mut Option<Scratch>) -> anyhow::Result<()> {
    // From here on a signal ends this function instead of the process, so that the folders are
    // removed.
    let mut ending = Ending::listen().context("catch signals")?;
    let storage = storage.insert(Scratch::create("lode-demo").context("create a folder")?);
    tokio::select! {
        ended = show(args.script, storage.path()) => ended,
        // A script that did not finish all its steps has failed.
        () = ending.asked() => if args.script { bail!("interrupted") } else { Ok(()) },
    }
}

async fn show(script: bool, storage: &Path) -> anyhow::Result<()> {
    let mut world = World::start(storage).await?;
    if script {
        return script::run(&world).await;
    }
    output::data(&format!("{}\n", world.sandbox.kubeconfig().display()))?;
    output::talk(&to_try(&world));
    let _live = live::start(world.sandbox.objects().client());
    (&mut world.operator).await.context("run the operator")?
}

fn to_try(world: &World) -> String {
    // The URL holds the token for pushing; only this terminal shows it.
    let url = world.sandbox.git().push_url(fleet::NAME);
    let kubeconfig = world.sandbox.kubeconfig().display();
    let lode = std::env::current_exe()
        .map_or_else(|_| "lode".to_owned(), |path| path.display().to_string());
    format!(
        r"
A cluster, a Git server and the operator run in this process. In another terminal:

  export KUBECONFIG={kubeconfig}
  {lode} get all -A

change something in Git, and see it arrive:
  git clone {url} && cd fleet
  sed -i 's/count: 3/count: 5/' apps/shop/production/kustomization.yaml
  git commit -am 'scale' && git push

edit something by hand, and see it healed and told:
  kubectl -n shop-production scale deployment shop --replicas 1
  kubectl -n flux-system events --for kustomization/shop-production

break something, and read where:
  sed -i 's/partitions: 1/partitions: 100/' infrastructure/queues/base/orders.yaml
  git commit -am 'break' && git push

undo it:
  git revert --no-edit HEAD && git push

Ctrl-C ends all of it.
"
    )
}
