//! A report's figure as an SVG or PNG file.
