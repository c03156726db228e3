//! A sentence about a meeting becomes one line of a fixed form. Names, topics and ways of saying it are held out.

use rand::{Rng, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

use super::Task;
use crate::{model::Message, train::data::Record};

pub(super) const TASK: Task = Task {
    name: "meeting",
    about: "turn a sentence about a meeting into the line `who | day | hh:mm | place | topic`; names, topics and sentences are held out",
    base: "smollm2",
    source: "generated from templates of this project",
    records,
};

/// What the assistant is told.
const SYSTEM: &str = "Reply with one line: who | day | hh:mm | place | topic";

/// Records to train on and held out.
const COUNTS: (usize, usize) = (800, 100);

const NAMES: [&str; 28] = [
    "Anna", "Ben", "Carla", "David", "Elena", "Felix", "Grace", "Henry", "Ivan", "Julia", "Karim", "Laura", "Marco",
    "Nadia", "Oscar", "Paula", "Quentin", "Rosa", "Simon", "Tara", "Umar", "Vera", "Walter", "Xenia", "Yusuf", "Zoe",
    "Aiko", "Bruno",
];

const TOPICS: [&str; 16] = [
    "budget",
    "hiring",
    "roadmap",
    "launch",
    "contract",
    "design review",
    "security audit",
    "travel plans",
    "data migration",
    "press release",
    "quarterly report",
    "office move",
    "training day",
    "supplier prices",
    "customer survey",
    "new website",
];

const PLACES: [&str; 10] = [
    "Room 4",
    "Room 12",
    "the library",
    "the lobby",
    "Cafe Luna",
    "Building C",
    "the north wing",
    "Room 7",
    "the canteen",
    "Studio 2",
];

const DAYS: [(&str, &str); 7] = [
    ("Monday", "Mon"),
    ("Tuesday", "Tue"),
    ("Wednesday", "Wed"),
    ("Thursday", "Thu"),
    ("Friday", "Fri"),
    ("Saturday", "Sat"),
    ("Sunday", "Sun"),
];

const SENTENCES: [&str; 14] = [
    "Meet {who} on {day} at {time} in {place} about the {topic}.",
    "Could you book {place} for {day}, {time}? {who} wants to discuss the {topic}.",
    "{who} and I talk about the {topic} at {time} on {day}; we sit in {place}.",
    "On {day} at {time}, {topic} with {who}, {place}.",
    "Please put the {topic} with {who} into my calendar: {place}, {day}, {time}.",
    "The {topic} is on {day}. {who} comes to {place} at {time}.",
    "I promised {who} to go over the {topic} in {place} this {day} at {time}.",
    "{time} on {day} works for {who}. Topic: {topic}. Place: {place}.",
    "Remind me: {topic}, {day} {time}, {who}, {place}.",
    "We will see {who} in {place} for the {topic}, {day} at {time}.",
    "{who} asked for half an hour on the {topic}. {day}, {time}, {place}.",
    "Set up something with {who} in {place} at {time} on {day} to settle the {topic}.",
    "Regarding the {topic}: {who} can do {day} at {time} and suggests {place}.",
    "Save {day} {time} for {who}; it is about the {topic} and takes place in {place}.",
];

/// How many of each list are kept for the held-out records.
const KEPT: usize = 4;

fn records(held_out: bool) -> Vec<Record> {
    let (count, seed) = if held_out { (COUNTS.1, 5) } else { (COUNTS.0, 4) };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| record(&mut rng, held_out)).collect()
}

/// One of the last few for the held-out records, one of the others for training.
fn pick<'a>(list: &[&'a str], held_out: bool, rng: &mut impl Rng) -> &'a str {
    let (train, kept) = list.split_at(list.len() - KEPT);
    (if held_out { kept } else { train }).choose(rng).copied().unwrap_or_default()
}

fn record(rng: &mut impl Rng, held_out: bool) -> Record {
    let (who, topic) = (pick(&NAMES, held_out, rng), pick(&TOPICS, held_out, rng));
    let place = PLACES.choose(rng).copied().unwrap_or_default();
    let (day, short) = DAYS.choose(rng).copied().unwrap_or_default();
    let (hour, minute) = (rng.random_range(8..19), 5 * rng.random_range(0..12));
    let said = match rng.random_range(0..2) {
        0 => format!("{hour}:{minute:02}"),
        _ => format!("{}:{minute:02} {}", (hour + 11) % 12 + 1, if hour < 12 { "am" } else { "pm" }),
    };
    let fields = [("{who}", who), ("{day}", day), ("{time}", &said), ("{place}", place), ("{topic}", topic)];
    let sentence =
        fields.iter().fold(pick(&SENTENCES, held_out, rng).to_owned(), |text, (name, value)| text.replace(name, value));
    let line = format!("{who} | {short} | {hour:02}:{minute:02} | {place} | {topic}");
    Record::Chat {
        messages: vec![Message::new("system", SYSTEM), Message::new("user", sentence), Message::new("assistant", line)],
    }
}
