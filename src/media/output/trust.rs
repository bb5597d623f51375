//! Whom RTMPS trusts: the system's authorities, and more if the operator says so.
#![expect(unsafe_code, reason = "GIO keeps the authorities for the whole process and GStreamer has no property for them")]

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// Where Debian keeps the authorities of the system.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Makes every TLS connection of GStreamer's trust the authorities in `more` (PEM) besides the system's, from now on and in the whole process.
/// `folder` takes the file that holds both, which must stay there.
///
/// # Errors
/// When a file cannot be read or written, or holds no certificate.
pub fn also(more: &Path, folder: &Path) -> io::Result<()> {
    let mut all = fs::read(SYSTEM).unwrap_or_default();
    let more = fs::read(more)?;
    if !more.windows(5).any(|five| five == b"-----") {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no certificate in PEM form"));
    }
    all.push(b'\n');
    all.extend(more);
    let both = folder.join("authorities.pem");
    fs::write(&both, all)?;
    let path = CString::new(both.as_os_str().as_bytes())?;
    // SAFETY: `path` is a C string that outlives the call; a null error pointer means that the error is not wanted. What comes back is
    // null or a reference that we own: it is given up after the backend has taken one of its own.
    let taken = unsafe {
        let database = gio_sys::g_tls_file_database_new(path.as_ptr(), ptr::null_mut());
        if !database.is_null() {
            gio_sys::g_tls_backend_set_default_database(gio_sys::g_tls_backend_get_default(), database.cast());
            gstreamer::glib::gobject_ffi::g_object_unref(database.cast());
        }
        !database.is_null()
    };
    if taken { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "GIO reads no certificate from it")) }
}
