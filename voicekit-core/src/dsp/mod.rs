//! Signal processing on samples: changing the rate and the format, measuring the level,
//! playing what a network delivers.

mod convert;
pub mod echo;
pub mod jitter;
mod kernels;
pub mod level;
pub mod resample;

pub use convert::Converter;

/// Defines `$name`, which is `$work` compiled for the best vector unit that is found at run time.
macro_rules! vectorised {
    ($(#[$doc:meta])* $name:ident = $work:ident($($arg:ident: $type:ty),*) $(-> $result:ty)?) => {
        $(#[$doc])*
        pub(super) fn $name($($arg: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") {
                #[target_feature(enable = "avx2")]
                fn with_avx2($($arg: $type),*) $(-> $result)? {
                    $work($($arg),*)
                }
                #[expect(unsafe_code, reason = "compiled for a unit that is there")]
                // SAFETY: it needs AVX2, which was detected, and nothing else.
                return unsafe { with_avx2($($arg),*) };
            }
            $work($($arg),*)
        }
    };
}

pub(crate) use vectorised;
