//! What Flux adds to kustomize (spec A5): a folder without a kustomization file is built as well,
//! and the Kustomization's spec is merged over the folder's own settings before the build.

use lode_kustomize::{
    At, Build, Builder, Charts, FileCause, Image, Kustomization, Options, Order, Restrictions,
    Unknown,
};
use lode_stdx::budget::{Budget, Exceeded};
use lode_tree::{Child, Loader, RepoPath};

use crate::error::Error;
use crate::plan::{Patch, Plan};

/// Deepest folder below the path that is walked.
const FOLDERS_DEPTH_MAX: usize = 64;

/// Builds the plan's folder.
pub(crate) fn build(
    loader: &dyn Loader,
    plan: &Plan,
    (charts, budget): (Option<&dyn Charts>, &Budget),
) -> Result<Build, Error> {
    // The source is the boundary: a kustomization may name any file inside it and none outside.
    let options = Options {
        restrictions: Restrictions::None,
        order: Order::None,
        ..Options::default()
    };
    let mut builder = Builder::new(loader, &options, budget).with_charts(charts);
    let folder = folder(&mut builder, plan)?;
    let mut kustomization = match builder.kustomization(&folder, Unknown::Ignore)? {
        Some(kustomization) => kustomization,
        None => generated(&mut builder, &folder, budget)?,
    };
    let images = (plan.images.len() + kustomization.images.len()) * plan.images.len();
    let charged = budget.steps(images as u64);
    charged.map_err(|exceeded| exceeded_at(&builder, &kustomization, exceeded))?;
    overlay(&mut builder, &mut kustomization, plan)?;
    Ok(builder.build(&kustomization)?)
}

fn folder(builder: &mut Builder<'_>, plan: &Plan) -> Result<RepoPath, Error> {
    let missing = || Error::PathMissing(plan.path.clone());
    let folder = RepoPath::parse_rooted(&plan.path).map_err(|_| missing())?;
    // The list records the folder's absence, so that a commit that adds it is noticed.
    builder.list(&folder).map_err(|_| missing())?;
    Ok(folder)
}

/// Returns the generated kustomization for a folder without one.
fn generated(
    builder: &mut Builder<'_>,
    folder: &RepoPath,
    budget: &Budget,
) -> Result<Kustomization, Error> {
    let mut kustomization = builder.generated(folder);
    let mut found = Vec::new();
    walk(builder, folder, 0, &mut found)?;
    for path in found {
        let charged = budget
            .steps(ENTRY_STEPS)
            .and_then(|()| budget.bytes(ENTRY_BYTES + path.as_str().len() as u64));
        charged.map_err(|exceeded| exceeded_at(builder, &kustomization, exceeded))?;
        let inside = path
            .as_str()
            .strip_prefix(folder.as_str())
            .unwrap_or(path.as_str());
        let value = inside.trim_start_matches('/').to_owned();
        kustomization
            .resources
            .push(At::new(value, kustomization.place(1)));
    }
    Ok(kustomization)
}

/// Steps for adding one file of a folder without a kustomization.
const ENTRY_STEPS: u64 = 16;
/// Bytes of an entry apart from its path.
const ENTRY_BYTES: u64 = 128;

fn exceeded_at(builder: &Builder<'_>, kustomization: &Kustomization, source: Exceeded) -> Error {
    let origin = builder.origin(kustomization.place(0));
    lode_kustomize::Error::Exceeded {
        origin,
        doing: "merge the spec into the kustomization",
        source,
    }
    .into()
}

/// Finds manifests and, below the folder, folders that have a kustomization file. Links to folders
/// are not followed, so there are no cycles.
fn walk(
    builder: &mut Builder<'_>,
    folder: &RepoPath,
    depth: usize,
    found: &mut Vec<RepoPath>,
) -> Result<(), Error> {
    if depth > FOLDERS_DEPTH_MAX {
        let origin = lode_kustomize::Origin {
            path: folder.clone(),
            line: 1,
        };
        let cause = FileCause::TooDeep(FOLDERS_DEPTH_MAX);
        return Err(lode_kustomize::Error::File { origin, cause }.into());
    }

    for (name, child) in builder.list(folder)? {
        let Ok(path) = folder.join(&name) else {
            continue;
        };
        match child {
            Child::File if is_manifest(&name) => found.push(path),
            Child::File => {}
            Child::Folder if builder.canonical(&path).is_ok_and(|(real, _)| real != path) => {}
            Child::Folder if builder.has_kustomization(&path)? => found.push(path),
            Child::Folder => walk(builder, &path, depth + 1, found)?,
        }
    }
    Ok(())
}

fn is_manifest(name: &str) -> bool {
    matches!(name.rsplit_once('.'), Some((_, "yaml" | "yml")))
}

fn overlay(
    builder: &mut Builder<'_>,
    kustomization: &mut Kustomization,
    plan: &Plan,
) -> Result<(), Error> {
    let spec = kustomization.place(0);
    for (field, wish) in [
        (&mut kustomization.namespace, &plan.target_namespace),
        (&mut kustomization.name_prefix, &plan.name_prefix),
        (&mut kustomization.name_suffix, &plan.name_suffix),
    ] {
        if let Some(wish) = wish {
            *field = At::new(wish.clone(), spec);
        }
    }

    let patches = plan
        .patches
        .iter()
        .map(|patch| At::new(rule(patch, kustomization), spec));
    let patches: Vec<_> = patches.collect();
    kustomization.patches.extend(patches);
    for image in &plan.images {
        merge_image(kustomization, image);
    }

    if !plan.build_metadata.is_empty() {
        let wishes = plan
            .build_metadata
            .iter()
            .map(|value| At::new(value.clone(), spec));
        kustomization.build_metadata = wishes.collect();
    }

    components(builder, kustomization, plan)
}

fn components(
    builder: &mut Builder<'_>,
    kustomization: &mut Kustomization,
    plan: &Plan,
) -> Result<(), Error> {
    let spec = kustomization.place(0);
    for component in &plan.components {
        let path = builder
            .resolve(&kustomization.folder, component)
            .map_err(|source| {
                let cause = FileCause::Path {
                    path: component.clone(),
                    source,
                };
                lode_kustomize::Error::File {
                    origin: builder.origin(spec),
                    cause,
                }
            })?;
        if plan.ignore_missing_components && builder.list(&path).is_err() {
            continue;
        }
        kustomization
            .components
            .push(At::new(component.clone(), spec));
    }
    Ok(())
}

fn rule(patch: &Patch, kustomization: &Kustomization) -> lode_kustomize::Patch {
    lode_kustomize::Patch {
        path: String::new(),
        patch: At::new(patch.patch.clone(), kustomization.place(0)),
        target: patch.target.clone(),
        allow_name_change: patch.allow_name_change,
        allow_kind_change: patch.allow_kind_change,
    }
}

/// An existing image with the same name gets the settings of the spec; tag and digest are replaced
/// together.
fn merge_image(kustomization: &mut Kustomization, wish: &Image) {
    let spec = kustomization.place(0);
    let Some(found) = kustomization
        .images
        .iter_mut()
        .find(|image| image.name == wish.name)
    else {
        kustomization.images.push(At::new(wish.clone(), spec));
        return;
    };
    found.place = spec;
    let found = &mut found.value;
    if !wish.new_name.is_empty() {
        found.new_name.clone_from(&wish.new_name);
    }
    if !wish.new_tag.is_empty() || !wish.digest.is_empty() {
        found.new_tag.clone_from(&wish.new_tag);
        found.digest.clone_from(&wish.digest);
    }
}
