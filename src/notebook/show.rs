//! How a value looks as the last expression of a cell.

use std::fmt::Display;

use super::{Output, html};

/// Something a cell can show.
pub trait Show {
    /// How it looks.
    fn output(&self) -> Output;

    /// Called by evcxr on the last expression of a cell.
    fn evcxr_display(&self) {
        self.output().send();
    }
}

impl Show for Output {
    fn output(&self) -> Output {
        self.clone()
    }
}

macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl Show for $type {
            fn output(&self) -> Output {
                Output::text(self.to_string())
            }
        }
    )*};
}
as_text!(bool, char, str, String, f32, f64, u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

impl<T: Show + ?Sized> Show for &T {
    fn output(&self) -> Output {
        (**self).output()
    }
}

impl Show for () {
    fn output(&self) -> Output {
        Output::default()
    }
}

/// The value, or the error as readable text: without backtrace, and a failure for the runner.
impl<T: Show, E: Display> Show for Result<T, E> {
    fn output(&self) -> Output {
        match self {
            Ok(value) => value.output(),
            Err(error) => {
                let line = crate::model::one_line(error);
                let shown = format!("<p><strong>This did not work.</strong> {}</p>\n", html::escape(&line));
                let mut output = Output::html(html::verdict(false, &shown), format!("This did not work. {line}"));
                output.facts.errors.push(line);
                output
            }
        }
    }
}

impl<T: Show> Show for Option<T> {
    fn output(&self) -> Output {
        self.as_ref().map_or_else(|| Output::text("None"), Show::output)
    }
}

impl<T: Show> Show for Vec<T> {
    fn output(&self) -> Output {
        self.iter().map(Show::output).reduce(Output::then).unwrap_or_else(|| Output::text("(empty)"))
    }
}

macro_rules! tuples {
    ($(($($name:ident $place:tt),*)),*) => {$(
        impl<$($name: Show),*> Show for ($($name,)*) {
            fn output(&self) -> Output {
                Output::default()$(.then(self.$place.output()))*
            }
        }
    )*};
}
tuples!((A 0, B 1), (A 0, B 1, C 2), (A 0, B 1, C 2, D 3), (A 0, B 1, C 2, D 3, E 4), (A 0, B 1, C 2, D 3, E 4, F 5));
