//! Assigns comments to nodes.
//!
//! Input: the tokens of a document and the comments bound to positions. Output: the comments of
//! each node, in the order in which go-yaml announces nodes: a scalar at its position, a flow
//! collection at both brackets, a block mapping at its end. The end of a list takes nothing, so its
//! comments go to what follows.

use std::collections::VecDeque;

use super::{
    AnnouncedNode, BLOCK, Comment, CommentKind, CommentPart, CommentParts, CommentToken, Document,
};

/// Assigns the comments of a document that ends before `next`.
pub(super) fn document(
    text: &str,
    tokens: &[CommentToken],
    next: usize,
    (queue, is_first): (&mut VecDeque<Comment>, bool),
) -> Document {
    let mut hands = Hands {
        text,
        queue,
        held: CommentParts::default(),
        stem: String::new(),
        property: None,
        nodes: Vec::new(),
        open: Vec::new(),
    };
    let head = match tokens.first() {
        Some(first)
            if is_first && !matches!(first.kind, CommentKind::Mark | CommentKind::Directive) =>
        {
            hands.peek(first.start, false);
            hands.split_head()
        }
        _ => String::new(),
    };
    for (at, token) in tokens.iter().enumerate() {
        hands.token(*token, tokens.get(at + 1));
    }
    hands.peek(next, false);
    let CommentParts {
        head: last_head,
        foot,
        ..
    } = hands.held;
    Document {
        head,
        foot: if foot.is_empty() { last_head } else { foot },
        nodes: hands.nodes,
    }
}

struct Hands<'c> {
    text: &'c str,
    queue: &'c mut VecDeque<Comment>,
    /// Taken from the queue and not yet assigned to a node.
    held: CommentParts,
    /// Comments above a `-` that starts a collection.
    stem: String,
    /// Where the properties before a node start.
    property: Option<usize>,
    nodes: Vec<AnnouncedNode>,
    open: Vec<Open>,
}

/// A collection that is being read.
struct Open {
    node: usize,
    is_mapping: bool,
    is_block: bool,
    key: Option<usize>,
    previous_key: Option<usize>,
}

impl Hands<'_> {
    /// Takes what is bound to a token's position or before it; nothing is above an end.
    fn peek(&mut self, start: usize, is_end: bool) {
        while let Some(comment) = self.queue.front().filter(|comment| start >= comment.bound) {
            let held = match comment.part {
                CommentPart::Head if is_end => return,
                CommentPart::Head => &mut self.held.head,
                CommentPart::Line => &mut self.held.line,
                CommentPart::Foot => &mut self.held.foot,
            };
            if !held.is_empty() {
                held.push('\n');
            }
            held.push_str(&comment.text);
            self.queue.pop_front();
        }
    }

    /// Takes what an empty line separates from a first document's content.
    fn split_head(&mut self) -> String {
        let head = &mut self.held.head;
        let at = if head.ends_with('\n') {
            Some(head.len() - 1)
        } else {
            head.rfind("\n\n").map(|at| at + 1)
        };
        let Some(at) = at.filter(|at| *at > 0) else {
            return String::new();
        };
        let rest = head.split_off(at + 1);
        let mut first = std::mem::replace(head, rest);
        first.truncate(if self.held.head.is_empty() {
            at
        } else {
            at - 1
        });
        first
    }

    fn token(&mut self, token: CommentToken, next: Option<&CommentToken>) {
        let CommentToken { kind, start, end } = token;
        match kind {
            CommentKind::Directive
            | CommentKind::Mark
            | CommentKind::Comma
            | CommentKind::Key
            | CommentKind::Value => {
                self.peek(start, false);
            }
            CommentKind::Property => {
                self.peek(start, false);
                self.property.get_or_insert(start);
            }
            CommentKind::Scalar | CommentKind::Alias => {
                self.peek(start, false);
                let parts = std::mem::take(&mut self.held);
                let node = self.announce(
                    start,
                    if kind == CommentKind::Alias {
                        start
                    } else {
                        end
                    },
                    parts,
                );
                self.finish(node);
            }
            CommentKind::Empty => {
                let node = self.announce(start, start, CommentParts::default());
                self.finish(node);
            }
            CommentKind::Entry => self.entry(start, next),
            CommentKind::SequenceStart | CommentKind::MappingStart => {
                self.peek(start, false);
                let head = std::mem::take(&mut self.stem);
                let node = self.announce(
                    start,
                    BLOCK,
                    CommentParts {
                        head,
                        ..CommentParts::default()
                    },
                );
                self.open(node, kind == CommentKind::MappingStart, true);
            }
            CommentKind::BareStart => {
                let node = self.announce(start, BLOCK, CommentParts::default());
                self.open(node, false, true);
            }
            CommentKind::PairStart => {
                let node = self.announce(start, start, CommentParts::default());
                self.open(node, true, false);
            }
            CommentKind::FlowStart => {
                self.peek(start, false);
                let CommentParts { head, .. } = std::mem::take(&mut self.held);
                let node = self.announce(
                    start,
                    start,
                    CommentParts {
                        head,
                        ..CommentParts::default()
                    },
                );
                self.open(node, self.text.as_bytes().get(start) == Some(&b'{'), false);
            }
            CommentKind::FlowEnd => {
                self.peek(start, false);
                self.close_flow(end);
            }
            CommentKind::BlockEnd => {
                self.peek(start, true);
                self.close_block();
            }
            CommentKind::BareEnd | CommentKind::PairEnd => {
                if let Some(open) = self.open.pop() {
                    self.finish(open.node);
                }
            }
        }
    }

    /// Comments above `-` belong to the following collection as a whole, not to its first key or
    /// item.
    fn entry(&mut self, start: usize, next: Option<&CommentToken>) {
        self.peek(start, false);
        let above = self.held.head.len();
        let Some(next) = next.filter(|next| {
            matches!(
                next.kind,
                CommentKind::SequenceStart | CommentKind::MappingStart
            )
        }) else {
            return;
        };
        if above > 0 {
            self.peek(next.start, false);
            let rest = self
                .held
                .head
                .get(above + 1..)
                .unwrap_or_default()
                .to_owned();
            self.held.head.truncate(above);
            self.stem = std::mem::replace(&mut self.held.head, rest);
        }
    }

    fn announce(&mut self, start: usize, end: usize, parts: CommentParts) -> usize {
        let start = self.property.take().unwrap_or(start);
        self.nodes.push(AnnouncedNode { start, end, parts });
        self.nodes.len() - 1
    }

    fn open(&mut self, node: usize, is_mapping: bool, is_block: bool) {
        self.open.push(Open {
            node,
            is_mapping,
            is_block,
            key: None,
            previous_key: None,
        });
    }

    fn close_flow(&mut self, end: usize) {
        let Some(open) = self.open.pop() else { return };
        let CommentParts { line, foot, .. } = std::mem::take(&mut self.held);
        let found = &mut self.nodes[open.node];
        (found.end, found.parts.line, found.parts.foot) = (end, line, foot);
        self.finish(open.node);
    }

    /// A mapping's foot comment belongs to its last entry.
    fn close_block(&mut self) {
        let Some(open) = self.open.pop() else { return };
        if open.is_mapping {
            let CommentParts { line, foot, .. } = std::mem::take(&mut self.held);
            self.nodes[open.node].parts.line = line;
            if !foot.is_empty() {
                self.nodes[open.previous_key.unwrap_or(open.node)]
                    .parts
                    .foot = foot;
            }
        }
        self.finish(open.node);
    }

    /// Moves foot comments in the surrounding mapping: those of a value go to its key, and those of
    /// a key to the entry before.
    fn finish(&mut self, node: usize) {
        let Some(open) = self.open.last_mut().filter(|open| open.is_mapping) else {
            return;
        };
        let Some(key) = open.key.take() else {
            open.key = Some(node);
            if let Some(previous) = open.previous_key.filter(|_| open.is_block) {
                let foot = std::mem::take(&mut self.nodes[node].parts.foot);
                if !foot.is_empty() {
                    self.nodes[previous].parts.foot = foot;
                }
            }
            return;
        };
        open.previous_key = Some(key);
        if self.nodes[key].parts.foot.is_empty() {
            self.nodes[key].parts.foot = std::mem::take(&mut self.nodes[node].parts.foot);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dialect, Node, Nodes, Origins};

    fn read(text: &str) -> Vec<Node> {
        Nodes::new(text.as_bytes(), Dialect::V3, Origins::default())
            .with_comments()
            .map(Result::unwrap)
            .collect()
    }

    fn parts(node: &Node) -> [&str; 3] {
        let extra = node.extra.as_deref();
        extra.map_or([""; 3], |extra| {
            [
                &extra.head_comment,
                &extra.line_comment,
                &extra.foot_comment,
            ]
        })
    }

    #[test]
    fn a_foot_belongs_to_the_key_above_it() {
        let root = &read("# doc\n\n# head\na: 1 # line\n# foot\n\nb: 2\n")[0];
        let (key, value) = root
            .entries()
            .map(|entries| (&entries[0].key, &entries[0].value))
            .unwrap();
        assert_eq!(parts(root), ["# doc\n\n", "", ""]);
        assert_eq!(parts(key), ["# head", "", "# foot"]);
        assert_eq!(parts(value), ["", "# line", ""]);
    }

    #[test]
    fn what_stands_above_a_dash_belongs_to_the_collection_behind_it() {
        let root = &read("# above\n- # behind\n  a: 1\n")[0];
        let item = &root.items().unwrap()[0];
        assert_eq!((parts(root), parts(item)), ([""; 3], ["# above", "", ""]));
        assert_eq!(parts(&item.entries().unwrap()[0].key), ["# behind", "", ""]);
    }

    #[test]
    fn an_empty_line_behind_a_mark_gives_the_lines_above_it_to_the_document_before() {
        let documents = read("a: 1\n---\n# first\n\n# second\nb: 2\n");
        assert_eq!(parts(&documents[0]), ["", "", "# first"]);
        assert_eq!(
            parts(&documents[1].entries().unwrap()[0].key),
            ["# second", "", ""]
        );
    }

    #[test]
    fn nobody_who_did_not_ask_gets_comments_or_tags() {
        let text = "# a\nb: !!str c # d\n";
        let node = Nodes::new(text.as_bytes(), Dialect::V3, Origins::default())
            .next()
            .unwrap()
            .unwrap();
        assert!(!format!("{node:?}").contains("Extra"));
    }
}
