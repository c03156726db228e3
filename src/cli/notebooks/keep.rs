//! What of a cell's outputs is worth keeping in the notebook: no build messages, no progress, no execution counts.

use serde_json::{Value, json};

use super::chapter::{joined, lines};
use crate::notebook::{BAR, FACTS, Facts};

/// Outputs as they are committed.
pub(super) fn outputs(outputs: &[Value]) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    let printed = stream(outputs, "stdout");
    let printed: String = printed.split_inclusive('\n').filter(|line| !line.starts_with(BAR)).collect();
    if !printed.trim().is_empty() {
        kept.push(json!({"name": "stdout", "output_type": "stream", "text": lines(&printed)}));
    }
    for output in outputs
        .iter()
        .filter(|output| output["output_type"] == "execute_result" || output["output_type"] == "display_data")
    {
        let mut data = serde_json::Map::new();
        for (mime, content) in output["data"].as_object().into_iter().flatten() {
            let content = joined(content).map_or_else(|| content.clone(), |text| lines(&text));
            data.insert(mime.clone(), content);
        }
        kept.push(json!({"data": data, "execution_count": null, "metadata": {}, "output_type": "execute_result"}));
    }
    kept
}

/// All that was written to a stream.
pub(super) fn stream(outputs: &[Value], name: &str) -> String {
    outputs.iter().filter(|output| output["name"] == name).filter_map(|output| joined(&output["text"])).collect()
}

/// The facts that outputs carry.
pub(super) fn facts(outputs: &[Value]) -> Facts {
    let blocks = outputs.iter().filter_map(|output| output["data"].get(FACTS));
    blocks.filter_map(|block| serde_json::from_value(block.clone()).ok()).next_back().unwrap_or_default()
}

/// What outputs show as text.
pub(super) fn shown(outputs: &[Value]) -> String {
    let plain = outputs.iter().filter_map(|output| joined(output["data"].get("text/plain")?));
    let printed = stream(outputs, "stdout");
    printed.lines().filter(|line| !line.starts_with(BAR)).map(|line| format!("{line}\n")).chain(plain).collect()
}

/// Whether there is an image that did not come through the facts.
pub(super) fn images(outputs: &[Value]) -> usize {
    let pictured = |output: &&Value| {
        let html = output["data"].get("text/html").and_then(joined).unwrap_or_default();
        html.contains("<svg")
            || output["data"].as_object().is_some_and(|data| data.keys().any(|mime| mime.starts_with("image/")))
    };
    outputs.iter().filter(pictured).count()
}
