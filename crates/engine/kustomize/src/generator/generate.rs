//! Config maps and secrets generated from literals, files and environment files.

use std::collections::HashSet;

use base64::Engine as _;
use lode_stdx::budget::{Budget, Exceeded};
use lode_tree::RepoPath;
use lode_yaml::{Content, Cost, Entry, Node, Place, Style, Tag, Text};

use crate::error::{Fault, FileCause};
use crate::input::decode::{At, Mapping, Pairs};
use crate::input::source::BuildSource;
use crate::object::behavior::Behavior;
use crate::object::parts::Parts;
use crate::object::resource::Resource;

/// Column at which encoded bytes are wrapped.
const BASE64_WIDTH: usize = 70;

/// The kind that a generator makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum GeneratorKind {
    #[default]
    ConfigMap,
    Secret,
}

/// One entry of `configMapGenerator` or `secretGenerator`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arguments {
    kind: GeneratorKind,
    name: At<String>,
    namespace: At<String>,
    pub(crate) behavior: Behavior,
    literals: Vec<At<String>>,
    files: Vec<At<String>>,
    envs: Vec<At<String>>,
    secret_type: At<String>,
    pub(crate) options: Options,
}

/// Options of a generator, or of all generators of a kustomization.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    labels: Pairs,
    annotations: Pairs,
    immutable: Option<Place>,
    plain_name: bool,
}

impl GeneratorKind {
    fn text(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}

impl Arguments {
    pub(crate) fn read(entry: &mut Mapping<'_>, kind: GeneratorKind) -> Result<Self, Fault> {
        let behavior = match entry.text("behavior")?.as_str() {
            "merge" => Behavior::Merge,
            "replace" => Behavior::Replace,
            _ => Behavior::Create,
        };
        let mut envs = entry.texts("envs")?;
        envs.extend(Some(entry.text_at("env")?).filter(|env| !env.is_empty()));
        Ok(Self {
            kind,
            name: entry.text_at("name")?,
            namespace: entry.text_at("namespace")?,
            behavior,
            literals: entry.texts("literals")?,
            files: entry.texts("files")?,
            envs,
            secret_type: if kind == GeneratorKind::Secret {
                entry.text_at("type")?
            } else {
                At::default()
            },
            options: entry.read("options", Options::read)?.unwrap_or_default(),
        })
    }
}

impl Arguments {
    /// Sets the names if the arguments have none.
    pub(crate) fn default_names(&mut self, name: At<String>, namespace: At<String>) {
        for (own, default) in [(&mut self.name, name), (&mut self.namespace, namespace)] {
            if own.is_empty() {
                *own = default;
            }
        }
    }
}

impl Options {
    pub(crate) fn read(fields: &mut Mapping<'_>) -> Result<Self, Fault> {
        Ok(Self {
            labels: fields.pairs("labels")?,
            annotations: fields.pairs("annotations")?,
            immutable: fields.flag("immutable")?.then(|| fields.place()),
            plain_name: fields.flag("disableNameSuffixHash")?,
        })
    }

    /// Inherits the options of the whole kustomization; own labels and annotations take precedence.
    pub(crate) fn inherit(&mut self, all: &Self, budget: &Budget) -> Result<(), Exceeded> {
        all.charge(budget)?;
        for (own, all) in [
            (&mut self.labels, &all.labels),
            (&mut self.annotations, &all.annotations),
        ] {
            let missing = all
                .iter()
                .filter(|(key, _)| own.binary_search_by(|(known, _)| known.cmp(key)).is_err());
            let missing: Pairs = missing.cloned().collect();
            own.extend(missing);
            own.sort_by(|a, b| a.0.cmp(&b.0));
        }
        self.immutable = self.immutable.or(all.immutable);
        self.plain_name |= all.plain_name;
        Ok(())
    }

    /// Charges a copy of labels and annotations.
    fn charge(&self, budget: &Budget) -> Result<(), Exceeded> {
        let mut pairs = self.labels.iter().chain(&self.annotations);
        pairs.try_for_each(|(key, value)| value.cost().under(key).charge(budget))
    }
}

/// Creates the object that a generator describes.
pub(crate) fn make(
    source: &mut BuildSource<'_>,
    folder: &RepoPath,
    entry: &At<Arguments>,
) -> Result<Resource, Fault> {
    let mut data = Data {
        entry,
        text: Vec::new(),
        bytes: Vec::new(),
        keys: HashSet::new(),
        budget: source.budget,
    };
    if entry.name.is_empty() {
        return Err(data.fault(entry.place, "it has no name"));
    }
    let during = |exceeded| Fault::from(exceeded).during("generate an object", entry.place);
    entry.options.charge(source.budget).map_err(during)?;
    let mut parts = Parts::default();
    for path in &entry.envs {
        let (_, blob, number) = source.named(folder, path, path.place)?;
        let content = str::from_utf8(&blob.bytes)
            .map_err(|_| data.fault(path.place, "an env file is not UTF-8"))?;
        for (line, key, value) in env_lines(content) {
            let place = Place {
                source: number,
                line,
                ..Place::default()
            };
            data.put(key, value.as_bytes(), (place, path.place))?;
        }
        parts.add(number);
    }
    for literal in &entry.literals {
        let (key, value) = literal
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| data.fault(literal.place, "a literal is not of the form key=value"))?;
        data.put(
            key,
            unquoted(value).as_bytes(),
            (literal.place, literal.place),
        )?;
    }
    for file in &entry.files {
        let (key, path) = file_source(file).map_err(|cause| data.fault(file.place, cause))?;
        let (_, blob, number) = source.named(folder, path, file.place)?;
        data.put(
            key,
            &blob.bytes,
            (
                Place {
                    source: number,
                    line: 1,
                    ..Place::default()
                },
                file.place,
            ),
        )?;
        parts.add(number);
    }
    let mut resource = Resource::new(data.object(), entry.place);
    resource.needs_hash = !entry.options.plain_name;
    resource.is_generated = true;
    resource.parts = parts;
    Ok(resource)
}

/// Merges a generated object with an existing one: generated values take precedence, except for the
/// name.
pub(crate) fn combine(
    old: &mut Resource,
    mut made: Resource,
    behavior: Behavior,
    budget: &Budget,
) -> Result<(), Fault> {
    old.node.cost().charge(budget)?;
    for field in ["labels", "annotations"] {
        lay_over(
            &mut made.node,
            old.node.at(&["metadata", field]),
            &["metadata", field],
        );
    }
    if behavior == Behavior::Merge {
        for field in ["data", "binaryData"] {
            lay_over(&mut made.node, old.node.get(field), &[field]);
        }
        made.note = old.note.clone().or(made.note);
        made.place = old.place;
    }
    for field in ["name", "namespace"] {
        match old.node.at(&["metadata", field]) {
            Some(value) => made.set_metadata(field, value.clone()),
            None => {
                made.node
                    .get_mut("metadata")
                    .and_then(|metadata| metadata.remove(field));
            }
        }
    }
    // All its texts are set again, and none of them is folded.
    lode_yaml::unfold(&mut made.node);
    old.node = made.node;
    old.place = made.place;
    old.note = made.note;
    old.needs_hash &= made.needs_hash;
    old.is_generated = true;
    old.parts.take_in(&made.parts);
    old.words = old.words.take().or(made.words);
    Ok(())
}

/// Adds the entries of `old` below those of a mapping inside `node`, as texts.
fn lay_over(node: &mut Node, old: Option<&Node>, path: &[&str]) {
    let Some(old) = old
        .and_then(Node::entries)
        .filter(|entries| !entries.is_empty())
    else {
        return;
    };
    let mut target = Some(node);
    for part in path {
        target = target.and_then(|node| node.get_or_insert_with(part, Node::mapping));
    }
    let Some(entries) = target.and_then(Node::entries_mut) else {
        return;
    };
    let mut known: HashSet<Text> = entries
        .iter()
        .filter_map(|entry| entry.key.text().map(Text::from))
        .collect();
    for entry in old {
        let Some(key) = entry.key.text() else {
            continue;
        };
        if known.insert(key.into()) {
            let text = entry.value.text().unwrap_or_default();
            let value = Node {
                style: entry.value.style,
                ..Node::string(text)
            }
            .placed(entry.value.place);
            entries.push(Entry {
                key: Node::string(key).placed(value.place),
                value,
            });
        }
    }
}

/// The data that a generator collects.
struct Data<'g> {
    entry: &'g At<Arguments>,
    text: Vec<Entry>,
    bytes: Vec<Entry>,
    /// The keys of both.
    keys: HashSet<Text>,
    budget: &'g Budget,
}

/// Copies of a value's content while it is created: as bytes, encoded, and wrapped.
const COPIES: u64 = 4;

impl Data<'_> {
    /// Adds a value with its own position and that of its request.
    fn put(&mut self, key: &str, content: &[u8], (place, by): (Place, Place)) -> Result<(), Fault> {
        let cost = Cost::of_text(key).under(key);
        let charged = cost
            .charge(self.budget)
            .and_then(|()| self.budget.bytes(COPIES * content.len() as u64));
        charged.map_err(|exceeded| Fault::from(exceeded).during("read a generator's value", by))?;
        if !self.keys.insert(key.into()) {
            return Err(self.fault(by, &format!("key \"{key}\" is given twice")));
        }
        let (into, text) = match str::from_utf8(content) {
            _ if self.entry.kind == GeneratorKind::Secret => (&mut self.text, encoded(content)),
            Ok(text) => (&mut self.text, text.to_owned()),
            Err(_) => (&mut self.bytes, encoded(content)),
        };
        into.push(Entry {
            key: Node::string(key).placed(place),
            value: block(text).placed(place),
        });
        Ok(())
    }

    fn object(self) -> Node {
        let Arguments {
            kind,
            name,
            namespace,
            secret_type,
            options,
            ..
        } = &self.entry.value;
        let place = self.entry.place;
        let (mut object, mut metadata) =
            (Node::mapping().placed(place), Node::mapping().placed(place));
        let text = |text: &str, place: Place| Node::string(text).placed(place);
        object.insert("apiVersion", text("v1", place));
        object.insert("kind", text(kind.text(), place));
        metadata.insert("name", text(name, name.place));
        if !namespace.is_empty() {
            metadata.insert("namespace", text(namespace, namespace.place));
        }
        for (field, pairs) in [
            ("labels", &options.labels),
            ("annotations", &options.annotations),
        ] {
            if !pairs.is_empty() {
                let mut map = Node::mapping().placed(place);
                for (key, value) in pairs {
                    map.insert(key, value.clone());
                }
                metadata.insert(field, map);
            }
        }
        object.insert("metadata", metadata);
        if *kind == GeneratorKind::Secret {
            let value = if secret_type.is_empty() {
                text("Opaque", place)
            } else {
                text(secret_type, secret_type.place)
            };
            object.insert("type", value);
        }
        for (field, entries) in [("data", self.text), ("binaryData", self.bytes)] {
            let map = Node {
                content: Content::Mapping(entries),
                ..Node::mapping()
            }
            .placed(place);
            if !map.is_nothing() || (*kind == GeneratorKind::Secret && field == "data") {
                object.insert(field, map);
            }
        }
        if let Some(place) = options.immutable {
            object.insert(
                "immutable",
                Node {
                    tag: Tag::Bool,
                    ..Node::plain("true")
                }
                .placed(place),
            );
        }
        object
    }

    fn fault(&self, place: Place, cause: &str) -> Fault {
        Fault::At(
            place,
            FileCause::Generator {
                name: self.entry.name.value.clone(),
                cause: cause.to_owned(),
            },
        )
    }
}

fn block(text: String) -> Node {
    let style = if text.contains('\n') {
        Style::Literal
    } else {
        Style::Plain
    };
    Node {
        style,
        ..Node::string(text)
    }
}

/// Returns line, key and value of each variable.
fn env_lines(content: &str) -> impl Iterator<Item = (u32, &str, &str)> {
    let lines = (1..).zip(
        content
            .strip_prefix('\u{feff}')
            .unwrap_or(content)
            .lines()
            .map(str::trim_start),
    );
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            (number, key, value)
        })
        .filter(|(_, key, _)| !key.is_empty())
}

fn unquoted(value: &str) -> &str {
    let inner = |quote: char| {
        value
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
    };
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

/// Splits `[key=]path`; by default the key is the file name.
fn file_source(text: &str) -> Result<(&str, &str), &'static str> {
    let Some((key, path)) = text.split_once('=') else {
        return Ok((
            text.trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default(),
            text,
        ));
    };
    match (key, path) {
        ("", _) => Err("a file has no key in front of ="),
        (_, "") => Err("a file has no path behind ="),
        (_, path) if path.contains('=') => Err("a file has more than one ="),
        pair => Ok(pair),
    }
}

/// Encodes bytes; the result is wrapped, with a line end after each line, if it fills one or more.
fn encoded(content: &[u8]) -> String {
    let packed = base64::engine::general_purpose::STANDARD.encode(content);
    if packed.len() < BASE64_WIDTH {
        return packed;
    }
    let mut out = String::with_capacity(packed.len() + packed.len() / BASE64_WIDTH + 1);
    for (at, c) in packed.chars().enumerate() {
        if at > 0 && at % BASE64_WIDTH == 0 {
            out.push('\n');
        }
        out.push(c);
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn env_files_have_comments_and_empty_values() {
        let lines: Vec<(u32, &str, &str)> =
            env_lines("\u{feff}A=1\n  # note\n\n  B=x=y\nC\n=d\n").collect();
        assert_eq!(lines, [(1, "A", "1"), (4, "B", "x=y"), (5, "C", "")]);
    }

    #[test]
    fn one_pair_of_quotes_goes() {
        for (text, want) in [
            ("\"a\"", "a"),
            ("'a'", "a"),
            ("\"a'", "\"a'"),
            ("\"", "\""),
            ("\"\"a\"\"", "\"a\""),
        ] {
            assert_eq!(unquoted(text), want, "{text}");
        }
    }

    #[test]
    fn files_may_have_a_key() {
        assert_eq!(file_source("a/b.txt"), Ok(("b.txt", "a/b.txt")));
        assert_eq!(file_source("k=a/b.txt"), Ok(("k", "a/b.txt")));
        for text in ["=a", "k=", "k=a=b"] {
            assert!(file_source(text).is_err(), "{text}");
        }
    }

    #[test]
    fn long_bytes_are_wrapped() {
        assert_eq!(encoded(b"ab"), "YWI=");
        let text = encoded(&[0; 60]);
        assert_eq!(text.lines().map(str::len).collect::<Vec<_>>(), [70, 10]);
        assert!(text.ends_with('\n'));
    }
}
