// Prints what serde_json writes again, a JSON line for each: the main.rs of a crate that depends on
// serde_json = { version = "1", features = ["preserve_order"] }, run as `cargo run < originals.json > serde.jsonl`.
// null is written where it reads no JSON.

use std::io::Read;

fn main() {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).unwrap();
    let originals: serde_json::Value = serde_json::from_str(&input).unwrap();
    for pretty in [false, true] {
        for original in originals.as_array().unwrap() {
            let text = serde_json::from_str::<serde_json::Value>(original["body"].as_str().unwrap()).ok().map(|value| {
                if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() }
            });
            let style = if pretty { "Rust serde_json, pretty" } else { "Rust serde_json" };
            println!("{}", serde_json::json!({"style": style, "name": original["name"], "text": text}));
        }
    }
}
