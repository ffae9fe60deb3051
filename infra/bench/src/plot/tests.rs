use super::*;
use serde_json::{Value, json};

fn figures(cpu: f64) -> Value {
    let figure = |median: f64| json!({ "median": median, "low": median, "high": median });
    json!({ "warm cpu": figure(cpu), "warm wall": figure(2.0 * cpu), "cold cpu": figure(9.0 * cpu) })
}

fn comparison(mode: &str, scene: &str, rows: &[(&str, f64)]) -> Value {
    let rows = rows.iter().map(|(name, cpu)| json!({ "variant": name, "figures": figures(*cpu) }));
    json!({ "mode": mode, "scene": scene, "rows": rows.collect::<Vec<_>>() })
}

fn found() -> Vec<Comparison> {
    let scenes = [("text, 4 KB", 80.0), ("text, 256 KB", 5_000.0), ("text, 6000 KB", 90_000.0)];
    let sized = scenes.map(|(scene, cpu)| {
        comparison("size", scene, &[("floor", cpu), ("stock", 9.0 * cpu), ("python", 7.0 * cpu)])
    });
    let grown = comparison(
        "growth",
        "connections",
        &[
            ("latchkey at 1000000", 301.0),
            ("latchkey at 1", 300.0),
            ("floor that reads at 1", 70.0),
        ],
    );
    let swept = [
        comparison("growth", BY_ROWS, &[("refresh at 1000", 9e3), ("refresh at 100000", 9e3)]),
        comparison("growth", BY_DUE, &[("refresh at 10", 2e3), ("refresh at 1000", 8e4)]),
    ];
    let all: Vec<_> = sized.into_iter().chain([grown]).chain(swept).collect();
    serde_json::from_value(all.into()).unwrap()
}

fn picture(file: &str) -> Picture {
    let found = pictures(&found());
    found.into_iter().find(|(name, _)| name == file).unwrap().1
}

#[test]
fn a_name_holds_a_size_and_points_lie_in_its_order() {
    let names = |picture: &Picture| -> Vec<String> {
        picture.lines.iter().map(|line| line.name.clone()).collect()
    };
    let text = picture("size-text.svg");
    // Whoever is of no matter has no line.
    assert_eq!(names(&text), ["floor", "python"]);
    assert_eq!(text.lines[0].points, [(4.0, 0.08), (256.0, 5.0), (6_000.0, 90.0)]);

    let connections = picture("connections.svg");
    assert_eq!(connections.lines[0].points, [(1.0, 0.3), (1_000_000.0, 0.301)]);
    assert_eq!(connections.lines[1].points, [(1.0, 0.6), (1_000_000.0, 0.602)]);
    assert!(connections.lines[1].is_dashed && !connections.lines[0].is_dashed);
    assert_eq!(connections.lines[0].hue, connections.lines[1].hue);

    let sweep = picture("sweep.svg");
    let points: Vec<_> = sweep.lines.iter().map(|line| line.points.clone()).collect();
    assert_eq!(points, [[(1_000.0, 9.0), (100_000.0, 9.0)], [(10.0, 2.0), (1_000.0, 80.0)]]);
    assert_ne!(sweep.lines[0].hue, sweep.lines[1].hue);
}

#[test]
fn what_was_measured_is_drawn_the_same_each_time_and_nothing_else_is() {
    let folder = std::env::temp_dir().join(format!("bench-plots-{}", std::process::id()));
    let draw = |comparisons: &[Comparison]| {
        draw(&folder, comparisons).unwrap();
        let files = fs::read_dir(&folder).unwrap().map(|file| {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        });
        files.collect::<std::collections::BTreeMap<_, _>>()
    };
    let drawn = draw(&found());
    let names: Vec<_> = drawn.keys().map(String::as_str).collect();
    assert_eq!(names, ["connections.svg", "size-text.svg", "sweep.svg"]);
    let labels = ["1\u{a0}000\u{a0}000", "connections in the table", "latchkey,", "wall clock"];
    for label in labels {
        assert!(drawn["connections.svg"].contains(label), "{label}");
    }
    let mut others = found();
    others.reverse();
    for comparison in &mut others {
        comparison.rows.reverse();
    }
    let again = draw(&others);
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(again, drawn);
}
