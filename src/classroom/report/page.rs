//! The page itself: one file without scripts or network, readable for a class of a hundred.

use std::fmt::Write as _;

use super::class::{Class, Learner};
use crate::{
    demos::{Chart, Figure},
    plot,
};

/// Most rows of the tables of hard items and of pairs; a teacher acts on the first ones.
const ROWS: usize = 40;

/// Longest text shown in a cell, in characters.
const LONGEST: usize = 300;

/// The page.
///
/// # Errors
/// A figure cannot be drawn.
pub fn html(class: &Class) -> Result<String, plot::Error> {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>\n{style}</style>\n\
         </head>\n<body>\n<h1>{title}</h1>\n",
        title = escaped(&class.title),
        style = include_str!("page.css"),
    );
    // Writing to a String cannot fail.
    let _ = writeln!(page, "<p>{}</p>", summary(class));
    caught(&mut page, class);
    heat(&mut page, class);
    hard(&mut page, class);
    figures(&mut page, class)?;
    alike(&mut page, class);
    page.push_str("</body>\n</html>\n");
    Ok(page)
}

fn summary(class: &Class) -> String {
    let scores = sorted(class.learners.iter().map(|learner| learner.score));
    if scores.is_empty() {
        return "Nobody has handed in anything yet.".to_owned();
    }
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    let done = class.learners.iter().filter(|learner| learner.stuck().is_none()).count();
    format!(
        "<b>{}</b> learners, <b>{}</b> {}s. Mean <b>{}</b>, median <b>{}</b>. <b>{done}</b> have everything.",
        scores.len(),
        class.columns.len(),
        escaped(&class.column),
        percent(mean),
        percent(middle(&scores)),
    )
}

fn heat(page: &mut String, class: &Class) {
    if class.learners.is_empty() {
        return;
    }
    let _ = write!(
        page,
        "<h2>Who is stuck where</h2>\n<p class=\"key\">Fewest points first. <i class=\"z\">0</i> nothing earned, <i class=\"l\">30</i> less than half, \
         <i class=\"h\">70</i> more, <i class=\"f\">✓</i> all, <i class=\"n\">·</i> not done. Rest the pointer on a cell for the reason.</p>\n\
         <div class=\"wide\"><table class=\"heat\">\n<thead><tr><th>Learner</th><th>%</th><th>Stuck at</th>"
    );
    for column in &class.columns {
        let _ = write!(page, "<th class=\"up\"><span>{}</span></th>", escaped(column));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for learner in class.by_score() {
        let stuck = learner.stuck().and_then(|at| class.columns.get(at)).map_or("", String::as_str);
        let _ = write!(
            page,
            "<tr><th title=\"{}\">{}</th><td class=\"number\">{:.0}</td><td class=\"stuck\">{}</td>",
            escaped(&learner.id),
            escaped(&learner.name),
            100.0 * learner.score,
            escaped(stuck)
        );
        cells(page, class, learner);
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n<tfoot><tr><th>Mean</th><td></td><td></td>");
    for mean in class.means() {
        let _ = write!(page, "<td class=\"{}\">{:.0}</td>", shade(mean), 100.0 * mean);
    }
    page.push_str("</tr></tfoot>\n</table></div>\n");
}

fn cells(page: &mut String, class: &Class, learner: &Learner) {
    for (at, column) in class.columns.iter().enumerate() {
        match learner.cells.get(at).and_then(Option::as_ref) {
            None => page.push_str("<td class=\"n\">·</td>"),
            Some(cell) => {
                let shown = if cell.share >= 1.0 { "✓".to_owned() } else { format!("{:.0}", 100.0 * cell.share) };
                let note = format!("{column}: {}", cell.note);
                let _ = write!(page, "<td class=\"{}\" title=\"{}\">{shown}</td>", shade(cell.share), escaped(&note));
            }
        }
    }
}

/// The shade of a share: nothing, less than half, more, all.
fn shade(share: f64) -> &'static str {
    match share {
        share if share <= 0.0 => "z",
        share if share < 0.5 => "l",
        share if share < 1.0 => "h",
        _ => "f",
    }
}

fn hard(page: &mut String, class: &Class) {
    if class.hard.is_empty() {
        return;
    }
    let _ = write!(
        page,
        "<h2>The hardest {item}s</h2>\n<table class=\"list\">\n<thead><tr><th>{column}</th><th>{item}</th><th>Not yet</th><th>Commonest mistake</th></tr></thead>\n<tbody>\n",
        item = escaped(&class.item),
        column = escaped(&class.column),
    );
    for hard in class.hard.iter().take(ROWS) {
        let times = if hard.commonest.is_empty() { String::new() } else { format!(" <b>({}×)</b>", hard.times) };
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td class=\"number\">{} of {}</td><td>{}{times}</td></tr>",
            escaped(&hard.column),
            escaped(&hard.name),
            hard.failed,
            hard.tried,
            escaped(&hard.commonest)
        );
    }
    page.push_str("</tbody>\n</table>\n");
    rest(page, class.hard.len());
}

fn figures(page: &mut String, class: &Class) -> Result<(), plot::Error> {
    if class.learners.is_empty() {
        return Ok(());
    }
    let mut bars: Vec<(String, f64)> =
        (0..10).map(|ten| (format!("{} to {} %", 10 * ten, 10 * ten + 10), 0.0)).collect();
    for learner in &class.learners {
        bars[((10.0 * learner.score) as usize).min(9)].1 += 1.0;
    }
    page.push_str("<h2>Scores and time</h2>\n<div class=\"figures\">\n");
    page.push_str(&drawn("Learners by score", "learners", bars)?);
    let seconds = sorted(class.learners.iter().map(|learner| learner.seconds));
    let longest = seconds.last().copied().unwrap_or(0.0);
    if longest > 0.0 {
        let width = longest / 8.0;
        let mut bars: Vec<(String, f64)> = (0..8)
            .map(|bin| {
                (format!("{} to {}", duration(f64::from(bin) * width), duration(f64::from(bin + 1) * width)), 0.0)
            })
            .collect();
        for spent in &seconds {
            bars[((spent / width) as usize).min(7)].1 += 1.0;
        }
        page.push_str(&drawn("Learners by time", "learners", bars)?);
        let _ = writeln!(
            page,
            "</div>\n<p>Time: {}. Median {}, longest {}.</p>",
            escaped(&class.time),
            duration(middle(&seconds)),
            duration(longest)
        );
    } else {
        page.push_str("</div>\n");
    }
    Ok(())
}

fn drawn(title: &str, y: &str, bars: Vec<(String, f64)>) -> Result<String, plot::Error> {
    let figure = Figure {
        title: title.to_owned(),
        x: String::new(),
        y: y.to_owned(),
        log_x: false,
        log_y: false,
        chart: Chart::Bars(bars),
    };
    // Inside a page no namespace is needed, and the width is the page's to say.
    Ok(plot::svg(&figure)?.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1))
}

fn alike(page: &mut String, class: &Class) {
    if class.alike.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Submissions that are alike</h2>\n<p class=\"key\">A likeness is a reason to look, not a verdict.</p>\n<table class=\"list\">\n\
         <thead><tr><th>One</th><th>Other</th><th>Exercise</th><th>Share</th></tr></thead>\n<tbody>\n",
    );
    for pair in class.alike.iter().take(ROWS) {
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"number\">{}</td></tr>",
            escaped(&pair.a),
            escaped(&pair.b),
            escaped(&pair.exercise),
            percent(pair.share)
        );
    }
    page.push_str("</tbody>\n</table>\n");
    rest(page, class.alike.len());
}

fn caught(page: &mut String, class: &Class) {
    if class.caught.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Caught</h2>\n<table class=\"list\">\n<thead><tr><th>Learner</th><th>Exercise</th><th>Reason</th></tr></thead>\n<tbody>\n",
    );
    for row in class.caught.iter().take(ROWS) {
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&row.student),
            escaped(&row.exercise),
            escaped(&row.reason)
        );
    }
    page.push_str("</tbody>\n</table>\n");
    rest(page, class.caught.len());
}

fn rest(page: &mut String, all: usize) {
    if all > ROWS {
        let _ = writeln!(page, "<p class=\"key\">The first {ROWS} of {all}.</p>");
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match sorted {
        [] => 0.0,
        _ if sorted.len().is_multiple_of(2) => f64::midpoint(sorted[half - 1], sorted[half]),
        _ => sorted[half],
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

fn duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 10.0 => format!("{seconds:.1} s"),
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        seconds if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}

/// Text for HTML, on one line and not too long: names, diagnoses and reasons come from strangers.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == LONGEST {
            out.push('…');
            break;
        }
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
