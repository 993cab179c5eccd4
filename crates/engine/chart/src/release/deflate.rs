//! Parts of a deflate stream.

use flate2::{Compress, CompressError, Compression, Crc, FlushCompress, Status};

/// Bytes of a deflate stream that can be followed by others, with the checksum of what they hold.
pub(super) struct Deflated {
    pub(super) bytes: Vec<u8>,
    pub(super) crc: Crc,
}

/// Compresses bytes so that the result refers to nothing before it and ends at a byte.
pub(super) fn deflate(input: &[u8]) -> Result<Deflated, CompressError> {
    let mut crc = Crc::new();
    crc.update(input);
    let mut bytes = Vec::new();
    compress(input, FlushCompress::Full, &mut bytes)?;
    Ok(Deflated { bytes, crc })
}

pub(super) fn compress(
    input: &[u8],
    flush: FlushCompress,
    output: &mut Vec<u8>,
) -> Result<(), CompressError> {
    let mut compressor = Compress::new(Compression::best(), false);
    loop {
        output.reserve(OUTPUT_STEP);
        let done = usize::try_from(compressor.total_in()).unwrap_or(input.len());
        let rest = input.get(done..).unwrap_or_default();
        let status = compressor.compress_vec(rest, output, flush)?;

        let all_read = compressor.total_in() == input.len() as u64;
        let has_room = output.len() < output.capacity();
        match flush {
            FlushCompress::Finish if status == Status::StreamEnd => return Ok(()),
            FlushCompress::Full if all_read && has_room => return Ok(()),
            _ => {}
        }
    }
}

/// Room for output that is added at a time.
const OUTPUT_STEP: usize = 16 << 10;
