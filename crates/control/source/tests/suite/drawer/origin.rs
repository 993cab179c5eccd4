//! [`DrawerOrigin`]: drawers as the origin of artifacts.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use lode_api::SourceStatus as _;
use lode_runtime::Failure;
use lode_source::{
    AttemptFacts, BroughtContents, FetchMeans, IgnoreRules, IncludedPart, MadeWith, NewestRevision,
    Origin, SourceContents, SourceNotice, step,
};
use lode_stdx::Digest;
use lode_tree::{RepoPath, Tree};

use super::papers::Listing;
use super::{Drawer, DrawerSpec, DrawerStatus, Papers};

/// Drawers: the papers that lie in them.
pub(crate) struct DrawerOrigin(pub(crate) Arc<Papers>);

impl Origin for DrawerOrigin {
    type Spec = DrawerSpec;
    type Plan = ();
    type Lead = Listing;
    type Made = ();

    fn plan(&self, drawer: &Drawer) -> Result<(), Failure> {
        match drawer.spec.key {
            Some(_) => Err(step::unsupported("spec.key")),
            None => Ok(()),
        }
    }

    async fn look(
        &self,
        drawer: &Drawer,
        (): &(),
        _: &AttemptFacts,
    ) -> Result<NewestRevision<Listing>, Failure> {
        let listing = self.0.list().await;
        let mut listing = listing.map_err(|error| step::fetch("DrawerOperationFailed", error))?;
        let ignored = drawer.spec.ignore.as_deref();
        listing.retain(|name, _| ignored.is_none_or(|ending| !name.ends_with(ending)));
        Ok(NewestRevision {
            revision: Digest::of(format!("{listing:?}").as_bytes()).to_string(),
            chosen: None,
            outdated: SourceNotice::outdated("the drawer was opened".to_owned()),
            progress: None,
            lead: listing,
        })
    }

    fn is_current(drawer: &Drawer, (): &(), _: &Listing, _: &[IncludedPart]) -> bool {
        drawer.status.observed_ignore == drawer.spec.ignore
    }

    async fn bring(
        &self,
        drawer: &Drawer,
        (): &(),
        listing: Listing,
        means: &FetchMeans,
    ) -> Result<BroughtContents<()>, Failure> {
        let text = format!("stored {} papers", listing.len());
        let (contents, file) = if let Some(name) = &drawer.spec.paper {
            let text = self.read(name)?;
            let content = SourceContents::File(Box::new(Cursor::new(text)));
            (content, name.clone())
        } else {
            let held = match drawer.status.artifact() {
                Some(artifact) => means.archive.open(artifact).await.ok(),
                None => None,
            };
            let content = SourceContents::Tree {
                tree: self.tree(&listing, held.as_deref())?,
                ignore: IgnoreRules::Nothing,
            };
            (content, format!("{}.tar.gz", listing.len()))
        };
        let reason = "NewArtifact";
        Ok(BroughtContents {
            contents,
            file,
            notice: SourceNotice { reason, text },
            remarks: Vec::new(),
            metadata: BTreeMap::from([("papers".into(), listing.len().to_string().into())]),
            made: (),
        })
    }

    fn observe(spec: &DrawerSpec, status: &mut DrawerStatus, _: Option<MadeWith<()>>) {
        status.observed_ignore.clone_from(&spec.ignore);
    }
}

impl DrawerOrigin {
    /// Reads the papers of a listing, but those that have not changed from the artifact before.
    fn tree(&self, listing: &Listing, held: Option<&Tree>) -> Result<Tree, Failure> {
        let held = |name: &str, digest: &Digest| {
            let blob = held?.read(&RepoPath::parse(name).ok()?).ok()?;
            let text = String::from_utf8(blob.bytes.to_vec()).ok()?;
            (Digest::of(&blob.bytes) == *digest).then_some(text)
        };
        let texts = listing.iter().map(|(name, digest)| {
            let text = held(name, digest).map_or_else(|| self.read(name), Ok)?;
            Ok((name, text))
        });
        texts.collect()
    }

    fn read(&self, name: &str) -> Result<String, Failure> {
        let text = self.0.read(name);
        text.ok_or_else(|| step::fetch("DrawerOperationFailed", format!("no paper '{name}'")))
    }
}
