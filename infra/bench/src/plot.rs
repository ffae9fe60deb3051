//! Growth as pictures: SVG without fonts, scripts or bitmaps.

use crate::Failure;
use crate::comparison::{Comparison, Row};
use crate::mode::Mode;
use plotters::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Draws what grows with the size of an event, and with the number of targets, into `folder`.
pub fn draw(folder: &Path, comparisons: &[Comparison]) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    for content in ["text", "base64", "rows"] {
        let title = format!("Processor time of a warm call by the size of its event ({content})");
        let of =
            comparisons.iter().filter(|c| c.mode == Mode::Size && c.scene.starts_with(content));
        picture(&folder.join(format!("size-{content}.svg")), &title, "KB", "warm cpu", of)?;
    }
    let of = comparisons.iter().filter(|c| c.mode == Mode::Growth);
    let title = "Processor time of a cold start by the number of targets";
    picture(&folder.join("targets.svg"), title, "targets", "cold cpu", of)
}

fn picture<'a>(
    path: &Path,
    title: &str,
    across: &str,
    figure: &str,
    comparisons: impl Iterator<Item = &'a Comparison>,
) -> Result<(), Failure> {
    let mut lines: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for comparison in comparisons {
        let Some(x) = number(&comparison.scene) else { continue };
        for Row { variant, figures } in &comparison.rows {
            if let Some(figure) = figures.get(figure) {
                lines.entry(variant).or_default().push((x, figure.median));
            }
        }
    }
    if lines.values().all(|points| points.len() < 2) {
        return Ok(());
    }
    paint(path, title, across, &lines)
        .map_err(|error| Failure::Tool { tool: "plotters", what: error.to_string() })
}

fn paint(
    path: &Path,
    title: &str,
    across: &str,
    lines: &BTreeMap<&str, Vec<(f64, f64)>>,
) -> Result<(), Box<dyn std::error::Error>> {
    let points = || lines.values().flatten();
    let range = |take: fn(&(f64, f64)) -> f64| {
        let low = points().map(take).fold(f64::INFINITY, f64::min);
        low..points().map(take).fold(0.0, f64::max) * 1.2
    };
    let root = SVGBackend::new(path, (720, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(range(|p| p.0).log_scale(), range(|p| p.1).log_scale())?;
    chart.configure_mesh().x_desc(across).y_desc("\u{b5}s").light_line_style(WHITE).draw()?;
    for (number, (name, points)) in lines.iter().enumerate() {
        let color = Palette99::pick(number).to_rgba();
        chart
            .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, color.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}

/// The number in a scene's name.
fn number(scene: &str) -> Option<f64> {
    scene.split(' ').find_map(|word| word.parse().ok())
}
