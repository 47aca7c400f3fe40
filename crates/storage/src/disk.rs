//! The few operations on files that the journal needs, as a trait: so that tests can fail the n-th of them, or cut the power.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A flat folder of files.
pub trait Disk: Send + Sync {
    /// The names of all files, in no particular order.
    ///
    /// # Errors
    /// When the folder cannot be read.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Creates an empty file, which must not exist; it and its name survive a crash once [`DiskFile::sync`] has returned.
    ///
    /// # Errors
    /// When it cannot be created.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for appending, cut to `length` bytes.
    ///
    /// # Errors
    /// When it cannot be opened or cut.
    fn append(&self, name: &str, length: u64) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for reading from the start.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn read(&self, name: &str) -> io::Result<Box<dyn Read + Send>>;

    /// Removes a file.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Where a file lies, for messages.
    fn path(&self, name: &str) -> PathBuf;
}

/// A file that is appended to.
pub trait DiskFile: Send {
    /// Appends all of `bytes`.
    ///
    /// # Errors
    /// When that fails; some of the bytes may have been written.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when everything written is on stable storage.
    ///
    /// # Errors
    /// When that cannot be said. Then nothing is known about what was written since the last success.
    fn sync(&mut self) -> io::Result<()>;
}

/// A folder of the file system.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at `path`, created if it is not there.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn open(path: &Path) -> io::Result<Folder> {
        fs::create_dir_all(path)?;
        Ok(Folder { path: path.to_owned() })
    }
}

impl Disk for Folder {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = File::create_new(self.path(name))?;
        sync_folder(&self.path)?;
        Ok(Box::new(file))
    }

    fn append(&self, name: &str, length: u64) -> io::Result<Box<dyn DiskFile>> {
        let mut file = OpenOptions::new().write(true).open(self.path(name))?;
        if file.metadata()?.len() != length {
            file.set_len(length)?;
            file.sync_all()?;
        }
        file.seek(SeekFrom::End(0))?;
        Ok(Box::new(file))
    }

    fn read(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self.path(name))?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl DiskFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Makes names in a folder survive a crash.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    // Only unix lets a folder be opened and synced; elsewhere names are the file system's business.
    if cfg!(unix) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}

/// Bytes of all files in a folder and below.
#[cfg(any(feature = "fjall", feature = "sled"))]
pub(crate) fn bytes_below(path: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        // A file that another thread removes meanwhile counts as nothing.
        let Ok(about) = entry.metadata() else { continue };
        bytes += if about.is_dir() { bytes_below(&entry.path()).unwrap_or(0) } else { allocated(&about) };
    }
    Ok(bytes)
}

/// Bytes that the files in a folder whose names end with `suffix` take on disk.
#[cfg(feature = "fjall")]
pub(crate) fn bytes_of_files(path: &Path, suffix: &str) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().ends_with(suffix.as_bytes()) {
            bytes += entry.metadata().map_or(0, |about| allocated(&about));
        }
    }
    Ok(bytes)
}

/// Bytes that a file takes on disk: a file with holes takes less than its length.
#[cfg(all(unix, any(feature = "fjall", feature = "sled")))]
fn allocated(about: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    about.blocks() * 512
}

/// Bytes that a file takes on disk.
#[cfg(all(not(unix), any(feature = "fjall", feature = "sled")))]
fn allocated(about: &fs::Metadata) -> u64 {
    about.len()
}
