//! What every target runs in: no input may make a reader keep more memory than a multiple of what came.
//!
//! A target is a file in `fuzz_targets` that names a function of the crate it looks at; what must hold stands
//! there, in `fuzz.rs`, so that the tests of that crate hold it as well.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How much is kept, and how much was at the most since that was last asked.
#[derive(Debug)]
struct Meter {
    now: AtomicUsize,
    most: AtomicUsize,
}

#[global_allocator]
static METER: Meter = Meter {
    now: AtomicUsize::new(0),
    most: AtomicUsize::new(0),
};

impl Meter {
    fn add(&self, bytes: usize) {
        let now = self.now.fetch_add(bytes, Relaxed) + bytes;
        self.most.fetch_max(now, Relaxed);
    }
}

// SAFETY: everything is left to the system's allocator; only lengths are added up beside it.
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        self.now.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.add(size);
        self.now.fetch_sub(layout.size(), Relaxed);
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Runs a target over one input, which may make it keep `most` bytes and `times` the input's length.
pub fn run(input: &[u8], target: fn(&[u8]), most: usize, times: usize) {
    let before = METER.now.load(Relaxed);
    METER.most.store(before, Relaxed);
    target(input);
    let kept = METER.most.load(Relaxed).saturating_sub(before);
    let allowed = most + times * input.len();
    assert!(
        kept <= allowed,
        "an input of {} bytes made it keep {kept} bytes; {allowed} are allowed",
        input.len()
    );
}

/// A target: `target!(path, most bytes, times the input's length);`, see [`run`].
#[macro_export]
macro_rules! target {
    ($holds:path, $most:expr, $times:expr) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|input: &[u8]| $crate::run(input, $holds, $most, $times));

        // Without the fuzzer's flags the crates have no targets.
        #[cfg(not(fuzzing))]
        fn main() {}
    };
}
