//! Opens files named by others.
//!
//! A repository may contain a pipe, and a link may lead to a device or to a file that the kernel
//! generates (`/proc/self/environ` counts as a regular file there). None of them is content:
//! reading a pipe may block for ever, opening a device may have effects, and the kernel's files
//! reveal what strangers must not learn.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::fcntl::OFlag;

/// Opens a regular file for reading, following links.
///
/// # Errors
/// The file cannot be opened, or is not a regular file on a real file system.
pub fn open(path: &Path) -> io::Result<File> {
    // Opening a device may have effects, so the path is checked first.
    refuse_other(fs::metadata(path)?.file_type())?;

    let file = open_without_waiting(path)?;

    // The path may lead elsewhere by now; what was opened decides.
    refuse_other(file.metadata()?.file_type())?;
    refuse_kernel_files(&file)?;
    Ok(file)
}

/// Opens a file named by the user, which may be a pipe such as `<(command)`; a pipe without a
/// writer reads as empty.
///
/// # Errors
/// The file cannot be opened.
pub fn open_named_by_user(path: &Path) -> io::Result<File> {
    let file = open_without_waiting(path)?;

    // Only the opening must not block; reads wait for what a running command has not written yet.
    let flags = OFlag::from_bits_truncate(nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_GETFL)?);
    nix::fcntl::fcntl(
        &file,
        nix::fcntl::FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK),
    )?;
    Ok(file)
}

/// Opens a file without blocking; opening a pipe would otherwise wait for a writer.
fn open_without_waiting(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
        .open(path)
}

fn refuse_other(kind: FileType) -> io::Result<()> {
    let what = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => return Err(ErrorKind::IsADirectory.into()),
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => "something else",
    };
    Err(io::Error::new(
        ErrorKind::InvalidInput,
        format!("is no regular file but {what}"),
    ))
}

/// Refuses files of `/proc`, `/sys` and similar file systems, which the kernel generates.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn refuse_kernel_files(file: &File) -> io::Result<()> {
    use nix::sys::statfs;

    const KERNEL: [statfs::FsType; 8] = [
        statfs::PROC_SUPER_MAGIC,
        statfs::SYSFS_MAGIC,
        statfs::DEBUGFS_MAGIC,
        statfs::TRACEFS_MAGIC,
        statfs::SECURITYFS_MAGIC,
        statfs::CGROUP_SUPER_MAGIC,
        statfs::CGROUP2_SUPER_MAGIC,
        statfs::BPF_FS_MAGIC,
    ];
    if KERNEL.contains(&statfs::fstatfs(file)?.filesystem_type()) {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "is no file of a disk but an answer of the kernel",
        ));
    }
    Ok(())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn refuse_kernel_files(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    fn refusal(path: &Path) -> String {
        open(path).unwrap_err().to_string()
    }

    #[test]
    fn a_pipe_without_a_writer_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        symlink(&pipe, folder.path().join("link")).unwrap();
        assert_eq!(refusal(&pipe), "is no regular file but a pipe");
        assert_eq!(
            refusal(&folder.path().join("link")),
            "is no regular file but a pipe"
        );
    }

    #[test]
    fn devices_folders_and_answers_of_the_kernel_are_no_files() {
        assert_eq!(
            refusal(Path::new("/dev/zero")),
            "is no regular file but a device"
        );
        assert_eq!(
            open(Path::new("/")).unwrap_err().kind(),
            ErrorKind::IsADirectory
        );
        if cfg!(target_os = "linux") {
            assert!(refusal(Path::new("/proc/self/environ")).contains("answer of the kernel"));
        }
    }

    #[test]
    fn a_file_is_read_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "content").unwrap();
        symlink("file", folder.path().join("link")).unwrap();
        let mut text = String::new();
        open(&folder.path().join("link"))
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "content");
    }

    #[test]
    fn a_pipe_named_by_the_user_is_read_to_its_end_and_an_unused_one_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        let mut text = String::new();
        open_named_by_user(&pipe)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "");

        let mut reader = open_named_by_user(&pipe).unwrap();
        let mut writer = OpenOptions::new().write(true).open(&pipe).unwrap();
        let writing = std::thread::spawn(move || io::Write::write_all(&mut writer, b"content"));
        // A reader waits for the first byte as long as there is a writer.
        writing.join().unwrap().unwrap();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "content");
    }
}
