//! [`Set`]: a set of fields of an object that a manager owns.
//!
//! A tree of elements. A node is a member, or has members below it, or both. As JSON (`FieldsV1`) a
//! node is an object: `{}` is a member without children, and a leading `".": {}` marks a node with
//! children that is a member too.

use serde_json::{Map, Value};

use lode_schema::{Schema, TypeRef};

pub use crate::element::{Element, Error, Key};

/// A set of fields of an object that a manager owns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Set<'a> {
    /// By element; every node is a member or has children.
    nodes: Vec<SetNode<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetNode<'a> {
    pub(crate) element: Element<'a>,
    pub(crate) member: bool,
    pub(crate) children: Set<'a>,
}

impl<'a> Set<'a> {
    /// Reads a set; unknown types of elements are dropped.
    ///
    /// # Errors
    /// A node is not an object, or a key is not an element.
    pub fn read(node: &'a Value) -> Result<Self, Error> {
        Ok(Self::read_node(node)?.1)
    }

    /// Reads a set from its JSON object.
    ///
    /// # Errors
    /// A node is not an object, or a key is not an element.
    pub fn from_map(map: &'a Map<String, Value>) -> Result<Self, Error> {
        Ok(Self::read_map(map)?.1)
    }

    /// Reads a node: whether it is marked as a member, and the set below it.
    fn read_node(node: &'a Value) -> Result<(bool, Self), Error> {
        match node {
            Value::Null => Ok((true, Self::default())),
            Value::Object(map) => Self::read_map(map),
            _ => Err(Error::NotAnObject),
        }
    }

    fn read_map(map: &'a Map<String, Value>) -> Result<(bool, Self), Error> {
        let (mut member, mut set) = (false, Self::default());
        for (key, child) in map {
            if key == "." {
                member = true;
            } else if let Some(element) = Element::parse(key)? {
                let (member, children) = Self::read_node(child)?;
                set.put(SetNode {
                    element,
                    member,
                    children,
                });
            }
        }
        member |= set.is_empty();
        Ok((member, set))
    }

    /// Returns the set as JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut out = Map::new();
        for node in &self.nodes {
            let mut child = match node.children.to_value() {
                Value::Object(map) => map,
                _ => Map::new(),
            };
            if node.member && !child.is_empty() {
                child.insert(".".to_owned(), Value::Object(Map::new()));
            }
            let mut key = String::new();
            node.element.write(&mut key);
            out.insert(key, Value::Object(child));
        }
        Value::Object(out)
    }

    /// Returns the set as the text that the API server stores.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(false, &mut out);
        out
    }

    fn write(&self, member: bool, out: &mut String) {
        out.push('{');
        let own = member && !self.is_empty();
        if own {
            out.push_str("\".\":{}");
        }
        for (at, node) in self.nodes.iter().enumerate() {
            out.push_str(if at == 0 && !own { "" } else { "," });
            let mut key = String::new();
            node.element.write(&mut key);
            out.push_str(&Value::from(key).to_string());
            out.push(':');
            node.children.write(node.member, out);
        }
        out.push('}');
    }

    /// Returns whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Adds a path; the whole object, which has an empty one, cannot be owned.
    pub fn insert(&mut self, path: &[Element<'a>]) {
        let Some((last, way)) = path.split_last() else {
            return;
        };
        let set = way
            .iter()
            .fold(self, |set, element| &mut set.node(element).children);
        set.node(last).member = true;
    }

    /// Returns whether a path is a member.
    #[must_use]
    pub fn has(&self, path: &[Element<'_>]) -> bool {
        let Some((last, way)) = path.split_last() else {
            return false;
        };
        let set = way.iter().try_fold(self, |set, element| set.below(element));
        set.is_some_and(|set| set.has_member(last))
    }

    /// Returns whether an element is a member.
    #[must_use]
    pub fn has_member(&self, element: &Element<'_>) -> bool {
        self.find(element).is_some_and(|node| node.member)
    }

    /// Returns the set below an element; `None` if there is none.
    #[must_use]
    pub fn below(&self, element: &Element<'_>) -> Option<&Self> {
        self.find(element)
            .map(|node| &node.children)
            .filter(|children| !children.is_empty())
    }

    /// Adds the members of another set.
    pub fn unite(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        if other.is_empty() {
            return;
        }

        let mut rest = other.nodes.into_iter().peekable();
        let mut nodes = Vec::with_capacity(self.nodes.len() + rest.len());
        for mut node in std::mem::take(&mut self.nodes) {
            while let Some(before) = rest.next_if(|other| other.element < node.element) {
                nodes.push(before);
            }
            if let Some(same) = rest.next_if(|other| other.element == node.element) {
                node.member |= same.member;
                node.children.unite(same.children);
            }
            nodes.push(node);
        }

        nodes.extend(rest);
        self.nodes = nodes;
    }

    /// Returns the members of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Set<'_>) -> Self {
        let both = |node: &SetNode<'a>| {
            let same = other.find(&node.element)?;
            let children = node.children.intersection(&same.children);
            Some(SetNode {
                element: node.element.clone(),
                member: node.member && same.member,
                children,
            })
        };
        Self {
            nodes: self
                .nodes
                .iter()
                .filter_map(both)
                .filter(SetNode::is_kept)
                .collect(),
        }
    }

    /// Removes the members of another set; those below them stay.
    pub fn subtract(&mut self, other: &Set<'_>) {
        if other.is_empty() {
            return;
        }
        self.nodes.retain_mut(|node| {
            if let Some(same) = other.find(&node.element) {
                node.member &= !same.member;
                node.children.subtract(&same.children);
            }
            node.is_kept()
        });
    }

    /// Removes the members of another set and everything below them.
    pub fn subtract_below(&mut self, other: &Set<'_>) {
        if other.is_empty() {
            return;
        }
        self.nodes.retain_mut(|node| {
            match other.find(&node.element) {
                Some(same) if same.member => return false,
                Some(same) => node.children.subtract_below(&same.children),
                None => {}
            }
            node.is_kept()
        });
    }

    /// Returns the members that have nothing below them.
    #[must_use]
    pub fn leaves(&self) -> Self {
        let leaf = |node: &SetNode<'a>| {
            let member = node.member && node.children.is_empty();
            SetNode {
                element: node.element.clone(),
                member,
                children: node.children.leaves(),
            }
        };
        Self {
            nodes: self
                .nodes
                .iter()
                .map(leaf)
                .filter(SetNode::is_kept)
                .collect(),
        }
    }

    /// Makes every declared field on the path to a member a member too.
    pub fn ensure_named(&mut self, schema: &Schema, ty: Option<TypeRef>) {
        let atom = ty.map(|ty| schema.atom(ty));
        let map = atom.and_then(|atom| atom.map.as_ref());
        for node in &mut self.nodes {
            let below = match &node.element {
                Element::Field(name) => {
                    let field = map.and_then(|map| map.field(name));
                    node.member |= field.is_some();
                    field.map(|field| field.ty).or_else(|| map?.element)
                }
                Element::Key(_) => atom.and_then(|atom| Some(atom.list.as_ref()?.element)),
                Element::Item(_) | Element::Index(_) => None,
            };
            node.children.ensure_named(schema, below);
        }
    }

    /// Visits every member, a node before those below it.
    pub fn for_each(&self, mut visit: impl FnMut(&[Element<'a>])) {
        self.walk(&mut Vec::new(), &mut visit);
    }

    fn walk(&self, path: &mut Vec<Element<'a>>, visit: &mut dyn FnMut(&[Element<'a>])) {
        for node in self.nodes.iter().filter(|node| node.member) {
            path.push(node.element.clone());
            visit(path);
            path.pop();
        }
        for node in &self.nodes {
            path.push(node.element.clone());
            node.children.walk(path, visit);
            path.pop();
        }
    }

    pub(crate) fn nodes(&self) -> &[SetNode<'a>] {
        &self.nodes
    }

    pub(crate) fn nodes_mut(&mut self) -> &mut [SetNode<'a>] {
        &mut self.nodes
    }

    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
    }

    /// Adds a node; fastest if it sorts last. A node that is already present is merged with it.
    pub(crate) fn put(&mut self, node: SetNode<'a>) {
        if !node.is_kept() {
            return;
        }
        if self
            .nodes
            .last()
            .is_none_or(|last| last.element < node.element)
        {
            return self.nodes.push(node);
        }
        let own = self.node(&node.element);
        own.member |= node.member;
        own.children.unite(node.children);
    }

    pub(crate) fn find(&self, element: &Element<'_>) -> Option<&SetNode<'a>> {
        let at = self
            .nodes
            .binary_search_by(|node| node.element.cmp(element))
            .ok()?;
        self.nodes.get(at)
    }

    /// Returns the node of an element, creating it if needed; the caller makes it a member or fills
    /// it.
    fn node(&mut self, element: &Element<'a>) -> &mut SetNode<'a> {
        let at = match self.nodes.last() {
            Some(last) if last.element < *element => Err(self.nodes.len()),
            _ => self
                .nodes
                .binary_search_by(|node| node.element.cmp(element)),
        };
        let at = at.unwrap_or_else(|at| {
            self.nodes.insert(
                at,
                SetNode {
                    element: element.clone(),
                    member: false,
                    children: Self::default(),
                },
            );
            at
        });
        &mut self.nodes[at]
    }
}

impl SetNode<'_> {
    fn is_kept(&self) -> bool {
        self.member || !self.children.is_empty()
    }
}
