//! [`ChartShelf`]: where packed charts are, by name and version: listed in an index, or as tags of a registry.

use std::sync::Arc;

use crate::index::Index;
use crate::repository::ChartRepository;
use crate::shelf_error::ShelfError;
use crate::tags::{TaggedChart, TaggedCharts};

/// Where packed charts are.
pub enum ChartShelf {
    /// A repository, and what it lists.
    Index(Box<ChartRepository>, Arc<Index>),
    /// Below a path of a registry.
    Tags(Box<TaggedCharts>),
}

/// One version of a chart.
#[derive(Debug)]
pub struct ShelfChart {
    /// Its name.
    pub name: String,
    /// Its version, as it is written.
    pub version: String,
    place: ChartPlace,
}

#[derive(Debug)]
enum ChartPlace {
    /// A reference in the index; an entry may have none.
    Reference(Option<String>),
    Tag(Box<TaggedChart>),
}

impl ChartShelf {
    /// Finds a version of a chart: the one that is written like this, else the newest in the range.
    ///
    /// # Errors
    /// There is none, or the registry does not answer.
    pub async fn find(&self, name: &str, range: &str) -> Result<ShelfChart, ShelfError> {
        let index = match self {
            Self::Index(_, index) => index,
            Self::Tags(tags) => {
                let found = tags.find(name, range).await?;
                return Ok(ShelfChart {
                    name: name.to_owned(),
                    version: found.version.clone(),
                    place: ChartPlace::Tag(Box::new(found)),
                });
            }
        };
        let found = index.find(name, range);
        let found = found.map_err(|error| ShelfError::Reference(error.to_string()))?;
        Ok(ShelfChart {
            name: found.name().to_owned(),
            version: found.version().to_owned(),
            // As in Helm the first one counts.
            place: ChartPlace::Reference(found.urls().next().map(str::to_owned)),
        })
    }

    /// Brings a chart of at most `limit` bytes.
    ///
    /// # Errors
    /// It is not there, or it does not come.
    pub async fn bring(&self, chart: &ShelfChart, limit: u64) -> Result<Vec<u8>, ShelfError> {
        match (self, &chart.place) {
            (Self::Tags(tags), ChartPlace::Tag(tag)) => tags.bring(tag, limit).await,
            (Self::Index(repository, _), ChartPlace::Reference(Some(reference))) => {
                let brought = repository.chart(reference, limit).await;
                brought.map_err(|error| ShelfError::from(&error))
            }
            _ => {
                let text = format!("chart '{}' has no downloadable URLs", chart.name);
                Err(ShelfError::Pull(text))
            }
        }
    }
}
