//! Keeps the C library from holding on to memory that is free.
#![cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "the allocator's settings can be made by a C call only"))]

/// Larger pieces, pictures above all, come from the kernel and go back to it. 1 MiB.
#[cfg(target_env = "gnu")]
const LARGE_BYTES: libc::c_int = 1024 * 1024;
/// Heaps that threads share. glibc would make up to eight for every core, and each keeps what was once in it.
#[cfg(target_env = "gnu")]
const ARENAS: libc::c_int = 2;

/// To be called once, before there are threads. Without it the size above which pieces go back grows with what is freed, and every thread of
/// every pipeline leaves its peak behind: 270 MB after 22 short broadcasts instead of 76 MB. Where `MALLOC_ARENA_MAX` is set, somebody has
/// decided otherwise and nothing is changed.
pub fn bound() {
    #[cfg(target_env = "gnu")]
    if std::env::var_os("MALLOC_ARENA_MAX").is_none() {
        // SAFETY: mallopt(3) takes two integers, knows these names, and no other thread runs yet.
        let done = unsafe {
            libc::mallopt(libc::M_ARENA_MAX, ARENAS) == 1
                && libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES) == 1
                && libc::mallopt(libc::M_TRIM_THRESHOLD, LARGE_BYTES) == 1
        };
        debug_assert!(done, "glibc knows these settings");
    }
}
