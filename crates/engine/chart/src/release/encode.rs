//! Encodes a release: JSON with Helm's order and omissions, gzip at level 9, base64.
//!
//! The parts of the JSON before, in and after the chart are compressed separately into one deflate
//! stream, so that the chart's part is compressed once and not for every revision and status.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{CompressError, Crc, FlushCompress};
use serde::Serialize;

use super::deflate::{compress, deflate};
use super::record::Release;
use crate::json;

/// Why a release cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A value has no JSON form.
    #[error("write the release as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The compressor failed.
    #[error("compress the release: {0}")]
    Compress(#[from] CompressError),
}

impl Release {
    /// Returns the release as its record contains it.
    ///
    /// # Errors
    /// A value has no JSON form.
    pub fn encode(&self) -> Result<String, EncodeError> {
        let before = deflate(self.before_chart()?.as_bytes())?;
        let after = self.after_chart()?;
        let chart = self.chart.deflated()?;

        let mut crc = before.crc;
        let mut gzip = Vec::from(GZIP_HEADER);
        gzip.extend_from_slice(&before.bytes);
        gzip.extend_from_slice(&chart.bytes);
        crc.combine(&chart.crc);
        let mut last = Crc::new();
        last.update(after.as_bytes());
        compress(after.as_bytes(), FlushCompress::Finish, &mut gzip)?;
        crc.combine(&last);

        gzip.extend_from_slice(&crc.sum().to_le_bytes());
        gzip.extend_from_slice(&crc.amount().to_le_bytes());
        Ok(STANDARD.encode(gzip))
    }

    /// Returns the release as JSON text.
    ///
    /// # Errors
    /// A value has no JSON form.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let chart = self.chart.json();
        Ok(self.before_chart()? + chart + &self.after_chart()?)
    }

    fn before_chart(&self) -> Result<String, serde_json::Error> {
        let mut text = "{".to_owned();
        if !self.name.is_empty() {
            field("name", &self.name, &mut text)?;
        }
        field("info", &self.info, &mut text)?;
        Ok(text + "\"chart\":")
    }

    fn after_chart(&self) -> Result<String, serde_json::Error> {
        let mut text = ",".to_owned();
        if !self.config.is_empty() {
            field("config", &self.config, &mut text)?;
        }
        if !self.manifest.is_empty() {
            field("manifest", &self.manifest, &mut text)?;
        }
        if !self.hooks.is_empty() {
            field("hooks", &self.hooks, &mut text)?;
        }
        if self.version != 0 {
            field("version", &self.version, &mut text)?;
        }
        if !self.namespace.is_empty() {
            field("namespace", &self.namespace, &mut text)?;
        }
        if let Some(method) = self.apply_method {
            field("apply_method", &method, &mut text)?;
        }

        // Each field ends with the comma of the next one.
        text.pop();
        text.push('}');
        Ok(text)
    }
}

/// Appends a field and a comma.
fn field<T: Serialize + ?Sized>(
    name: &str,
    value: &T,
    text: &mut String,
) -> Result<(), serde_json::Error> {
    let value = json::text(value)?;
    for part in ["\"", name, "\":", &value, ","] {
        text.push_str(part);
    }
    Ok(())
}

/// As Go writes it: no name, no time, best compression, unknown system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use serde_json::json;

    use super::*;
    use crate::release::{ApplyMethod, Hook, RecordedChart, ReleaseStatus};

    fn release() -> Release {
        let chart = json!({
            "metadata": {"name": "web", "version": "1.2.3", "apiVersion": "v2"},
            "lock": null, "templates": [{"name": "templates/a.yaml", "data": "YTogPGI+"}],
            "values": {"a": 1}, "schema": null, "schemamodtime": "0001-01-01T00:00:00Z", "files": null,
        });
        let chart = RecordedChart::from_json(chart.to_string()).unwrap();
        let mut release = Release::new("web", "shop", 2, chart);
        release.info.status = ReleaseStatus::PendingUpgrade;
        release.info.last_deployed = Some("2026-05-01T08:00:00.5Z".parse().unwrap());
        release.manifest = "---\n# Source: web/templates/a.yaml\na: <b>\n".to_owned();
        release
    }

    fn unpacked(encoded: &str) -> String {
        let gzip = STANDARD.decode(encoded).unwrap();
        let mut text = String::new();
        // Reads one member only, as simple readers do, and checks its checksum.
        let mut reader = GzDecoder::new(&*gzip);
        reader.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn the_json_has_helms_order_and_omissions() {
        let mut release = release();
        let chart = release.chart.json();
        let want = format!(
            "{{\"name\":\"web\",\"info\":{{\"last_deployed\":\"2026-05-01T08:00:00.5Z\",\
             \"status\":\"pending-upgrade\"}},\"chart\":{chart},\
             \"manifest\":\"---\\n# Source: web/templates/a.yaml\\na: \\u003cb\\u003e\\n\",\
             \"version\":2,\"namespace\":\"shop\"}}"
        );
        assert_eq!(release.to_json().unwrap(), want);

        release.config = json!({"n": 5.0}).as_object().cloned().unwrap();
        release.apply_method = Some(ApplyMethod::ServerSide);
        release.hooks = vec![Hook::default()];
        let json = release.to_json().unwrap();
        assert!(json.contains("\"config\":{\"n\":5},\"manifest\""), "{json}");
        assert!(
            json.contains("\"hooks\":[{\"last_run\":{\"phase\":\"\"}}],\"version\":2"),
            "{json}"
        );
        assert!(
            json.ends_with("\"namespace\":\"shop\",\"apply_method\":\"ssa\"}"),
            "{json}"
        );
    }

    #[test]
    fn one_gzip_member_holds_all_parts() {
        let mut release = release();
        assert_eq!(
            unpacked(&release.encode().unwrap()),
            release.to_json().unwrap()
        );

        release.manifest = "x".repeat(300_000);
        assert_eq!(
            unpacked(&release.encode().unwrap()),
            release.to_json().unwrap()
        );
    }

    #[test]
    fn parts_of_any_size_are_compressed_whole() {
        let noise = |size: usize| {
            let mut state = 7_u32;
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                char::from(b'a' + (state >> 27) as u8 % 26)
            };
            (0..size).map(|_| next()).collect::<String>()
        };
        for size in [0, 1, 16_000, 16_384, 20_000, 100_000] {
            let json = json!({"metadata": {"name": "a"}, "values": {"x": noise(size)}}).to_string();
            let chart = RecordedChart::from_json(json).unwrap();
            let release = Release::new("a", "b", 1, chart);
            assert_eq!(
                unpacked(&release.encode().unwrap()),
                release.to_json().unwrap()
            );
        }
    }
}
