//! Writing commit objects from a [`Draft`], and reading them as a [`Commit`].

use gix_hash::ObjectId as Id;
use gix_object::{CommitRef, Kind};

use crate::id::ObjectId;
use crate::objects::{Lost, ObjectSource};

/// A person or a program that makes commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The name; characters that Git does not allow are removed.
    pub name: String,
    /// The address; characters that Git does not allow are removed.
    pub email: String,
}

/// A commit without its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its author.
    pub author: Author,
    /// The message: a subject, optionally followed by an empty line and more text.
    pub message: String,
    /// When, in seconds since 1970.
    pub time_seconds: i64,
    /// The commit that the branch must be at; without it the changes are put on top of the current
    /// one.
    pub onto: Option<ObjectId>,
}

/// A commit as history shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: ObjectId,
    /// The commits it follows.
    pub parents: Vec<ObjectId>,
    /// Who wrote it.
    pub author: Author,
    /// When it was committed, in seconds since 1970.
    pub time_seconds: i64,
    /// The first line of the message.
    pub subject: String,
    /// The message as a whole.
    pub message: String,
}

/// The parts of a commit that walks need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Links {
    pub(crate) tree: Id,
    pub(crate) parents: Vec<Id>,
    pub(crate) time_seconds: i64,
}

/// Returns a commit object's bytes.
pub(crate) fn write(tree: Id, parents: &[Id], draft: &Draft) -> Vec<u8> {
    let parents: Vec<_> = parents
        .iter()
        .map(|parent| format!("parent {parent}\n"))
        .collect();
    let (name, email) = (
        plain(&draft.author.name, "unknown"),
        plain(&draft.author.email, ""),
    );
    let by = format!("{name} <{email}> {} +0000", draft.time_seconds.max(0));
    let message = draft.message.replace('\0', "");
    format!(
        "tree {tree}\n{}author {by}\ncommitter {by}\n\n{}\n",
        parents.concat(),
        message.trim_end()
    )
    .into_bytes()
}

/// Reads a complete commit.
pub(crate) fn read(source: &dyn ObjectSource, id: Id) -> Result<Commit, Lost> {
    let (Kind::Commit, bytes) = source.object(id)? else {
        return Err(Lost::Corrupt);
    };
    let commit = parse(&bytes)?;
    let author = commit.author().map_err(|_| Lost::Corrupt)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Commit {
        id: ObjectId(id),
        parents: commit.parents().map(ObjectId).collect(),
        author: Author {
            name: text(author.name),
            email: text(author.email),
        },
        time_seconds: time(&commit),
        subject: crate::snapshot::subject(&bytes),
        message: text(commit.message),
    })
}

/// Reads the links of a commit.
pub(crate) fn links(source: &dyn ObjectSource, id: Id) -> Result<Links, Lost> {
    let (Kind::Commit, bytes) = source.object(id)? else {
        return Err(Lost::Corrupt);
    };
    links_of(&bytes)
}

/// Reads the links from a commit's bytes.
pub(crate) fn links_of(bytes: &[u8]) -> Result<Links, Lost> {
    let commit = parse(bytes)?;
    Ok(Links {
        tree: commit.tree(),
        parents: commit.parents().collect(),
        time_seconds: time(&commit),
    })
}

fn parse(bytes: &[u8]) -> Result<CommitRef<'_>, Lost> {
    CommitRef::from_bytes(bytes, gix_hash::Kind::Sha1).map_err(|_| Lost::Corrupt)
}

fn time(commit: &CommitRef<'_>) -> i64 {
    commit
        .committer()
        .map(|committer| committer.seconds())
        .unwrap_or_default()
}

/// Removes characters that would end a name or an address early, as Git itself does.
fn plain(text: &str, otherwise: &str) -> String {
    let text: String = text
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '<' | '>'))
        .collect();
    let text = text.trim();
    if text.is_empty() {
        otherwise.to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_forge_a_header() {
        let author = Author {
            name: "Eve <eve>\nparent 0".to_owned(),
            email: "e>\n\nx@y".to_owned(),
        };
        let draft = Draft {
            author,
            message: "one\0\n\n".to_owned(),
            time_seconds: 7,
            onto: None,
        };
        let bytes = write(Id::empty_tree(gix_hash::Kind::Sha1), &[], &draft);
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(
            text.ends_with("committer Eve eveparent 0 <ex@y> 7 +0000\n\none\n"),
            "{text}"
        );
        let links = links_of(&bytes).unwrap();
        assert_eq!((links.parents, links.time_seconds), (vec![], 7));
    }
}
