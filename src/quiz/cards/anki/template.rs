//! The look of a card: what stands in front, what behind, and the style of both, by day and by night.

/// The front.
pub(super) const FRONT: &str = "<div class=\"about\">{{About}}</div>\n<div class=\"question\">{{Question}}</div>";

/// The back.
pub(super) const BACK: &str = "\
{{FrontSide}}
<hr id=\"answer\">
<div class=\"answer\">{{Answer}}</div>
{{#Points}}<h4>Points</h4>{{Points}}{{/Points}}
{{#Mistakes}}<h4>What people get wrong</h4>{{Mistakes}}{{/Mistakes}}
{{#Next}}<h4>Next</h4>{{Next}}{{/Next}}
{{#Why}}<h4>Why</h4><p>{{Why}}</p>{{/Why}}
<p class=\"about\">{{Id}} · {{Sources}}</p>";

/// The style.
pub(super) const STYLE: &str = "\
.card { max-width: 42rem; margin: 0 auto; text-align: left; font: 18px/1.5 sans-serif; color: #1c1c1c; background: #fff; }
.card.nightMode { color: #e8e8e8; background: #2c2c2c; }
.question { font-size: 1.15em; }
.about { font-size: .75em; opacity: .7; }
.answer { border-left: 3px solid #0072b2; padding-left: .7em; }
h4 { font-size: .72em; margin: 1em 0 .1em; opacity: .7; text-transform: uppercase; letter-spacing: .05em; }
p, ul { margin: .2em 0; }
ul { padding-left: 1.2em; }
.options { list-style: none; padding-left: 0; margin-top: .6em; }
.said, .ask { font-weight: 600; }
.mistakes .said { color: #a33d00; }
.nightMode .mistakes .said { color: #ff9a5c; }
code { font-size: .92em; overflow-wrap: anywhere; }
";
