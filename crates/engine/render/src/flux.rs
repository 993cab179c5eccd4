//! What Flux adds to kustomize (spec A5): a folder without a kustomization file is built as well, and the
//! Kustomization's spec is laid over the folder's own settings before the build.

use lode_tree::RepoPath;

use crate::accumulate::Build;
use crate::config::{At, Config, PatchRule, PatchText, Unknown};
use crate::error::{Error, FileCause};
use crate::load::Source;
use crate::plan::{Image, Patch, Plan};
use crate::resource::Resource;

/// Builds the plan's folder.
pub(crate) fn build(source: &mut Source<'_>, plan: &Plan) -> Result<Vec<Resource>, Error> {
    let folder = folder(source, plan)?;
    let mut config = match source.kustomization(&folder)? {
        Some(file) => Config::read(source, &file, Unknown::Ignore)?,
        None => generated(source, &folder)?,
    };
    overlay(source, &mut config, plan)?;
    Build::new(source).root(&config)
}

fn folder(source: &mut Source<'_>, plan: &Plan) -> Result<RepoPath, Error> {
    let missing = || Error::PathMissing(plan.path.clone());
    let folder = RepoPath::parse_rooted(&plan.path).map_err(|_| missing())?;
    // The list notes the folder's absence, so that a commit which brings it is seen.
    source.reads.list(source.tree, &folder).map_err(|_| missing())?;
    Ok(folder)
}

/// Makes the kustomization a folder without one stands for.
fn generated(source: &mut Source<'_>, folder: &RepoPath) -> Result<Config, Error> {
    let mut config = Config { folder: folder.clone(), file: folder.clone(), ..Config::default() };
    for path in source.walk(folder)? {
        let inside = path.as_str().strip_prefix(folder.as_str()).unwrap_or(path.as_str());
        let value = inside.trim_start_matches('/').to_owned();
        config.resources.push(At { value, line: 1 });
    }
    Ok(config)
}

fn overlay(source: &mut Source<'_>, config: &mut Config, plan: &Plan) -> Result<(), Error> {
    for (field, wish) in [
        (&mut config.namespace, &plan.target_namespace),
        (&mut config.name_prefix, &plan.name_prefix),
        (&mut config.name_suffix, &plan.name_suffix),
    ] {
        if let Some(wish) = wish {
            field.clone_from(wish);
        }
    }
    config.patches.extend(plan.patches.iter().map(|patch| At { value: rule(patch), line: 0 }));
    for image in &plan.images {
        merge_image(&mut config.images, image);
    }
    if !plan.build_metadata.is_empty() {
        let wishes = plan.build_metadata.iter().map(|value| At { value: value.clone(), line: 0 });
        config.build_metadata = wishes.collect();
    }
    components(source, config, plan)
}

fn components(source: &mut Source<'_>, config: &mut Config, plan: &Plan) -> Result<(), Error> {
    for component in &plan.components {
        let path = config
            .folder
            .join(component)
            .map_err(|source| Error::file(&config.origin(0), FileCause::Path { path: component.clone(), source }))?;
        if plan.ignore_missing_components && source.reads.list(source.tree, &path).is_err() {
            continue;
        }
        config.components.push(At { value: component.clone(), line: 0 });
    }
    Ok(())
}

fn rule(patch: &Patch) -> PatchRule {
    PatchRule {
        text: PatchText::Inline(patch.patch.clone()),
        target: patch.target.clone(),
        allow_name_change: patch.allow_name_change,
        allow_kind_change: patch.allow_kind_change,
    }
}

/// An image of a name that is there already takes what the spec sets; tag and digest are replaced as one.
fn merge_image(images: &mut Vec<At<Image>>, wish: &Image) {
    let Some(found) = images.iter_mut().find(|image| image.value.name == wish.name) else {
        images.push(At { value: wish.clone(), line: 0 });
        return;
    };
    let found = &mut found.value;
    if !wish.new_name.is_empty() {
        found.new_name.clone_from(&wish.new_name);
    }
    if !wish.new_tag.is_empty() || !wish.digest.is_empty() {
        found.new_tag.clone_from(&wish.new_tag);
        found.digest.clone_from(&wish.digest);
    }
}
