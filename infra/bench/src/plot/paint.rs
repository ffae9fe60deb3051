//! Lines on two logarithmic axes, and their names beside them.

use super::ticks;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::ops::Range;
use std::path::Path;

/// What is drawn.
pub(super) struct Picture {
    pub(super) title: String,
    pub(super) across: Axis,
    pub(super) up: Axis,
    pub(super) lines: Vec<Line>,
}

/// What an axis shows.
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) unit: &'static str,
}

/// Points from left to right.
pub(super) struct Line {
    /// Each part of it on a line of its own.
    pub(super) name: String,
    /// Which colour: lines of one variant have the same.
    pub(super) hue: usize,
    pub(super) is_dashed: bool,
    pub(super) points: Vec<(f64, f64)>,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Painted = Result<(), Box<dyn std::error::Error>>;

impl Picture {
    /// Paints it into the file at `path`.
    pub(super) fn paint(&self, path: &Path) -> Painted {
        let root = SVGBackend::new(path, SIZE).into_drawing_area();
        // Readable wherever it is shown.
        root.fill(&WHITE)?;
        let (chart, legend) = root.split_horizontally(SIZE.0 - LEGEND);
        self.chart(&chart)?;
        self.legend(&legend)?;
        root.present()?;
        Ok(())
    }

    fn chart(&self, area: &Area) -> Painted {
        let xs = self.range(|point| point.0, 1.3);
        let ys = self.range(|point| point.1, 1.6);
        let mut columns: Vec<_> = self.lines.iter().flat_map(|l| &l.points).map(|p| p.0).collect();
        columns.sort_by(f64::total_cmp);
        columns.dedup();
        let rows = ticks::round(ys.start, ys.end);
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, font(20))
            .margin(12)
            .x_label_area_size(48)
            .y_label_area_size(72)
            .build_cartesian_2d(
                xs.log_scale().with_key_points(columns),
                ys.log_scale().with_key_points(rows),
            )?;
        chart
            .configure_mesh()
            .x_desc(self.across.text())
            .y_desc(self.up.text())
            .x_label_formatter(&|x| ticks::label(*x))
            .y_label_formatter(&|y| ticks::label(*y))
            .label_style(font(16))
            .axis_desc_style(font(16))
            .bold_line_style(BLACK.mix(0.15))
            .light_line_style(TRANSPARENT)
            .draw()?;
        for line in &self.lines {
            let (points, style) = (line.points.iter().copied(), line.style());
            if line.is_dashed {
                chart.draw_series(DashedLineSeries::new(points, DASH, GAP, style))?;
            } else {
                chart.draw_series(LineSeries::new(points, style))?;
            }
            let dots = line.points.iter().map(|point| Circle::new(*point, 3, style.filled()));
            chart.draw_series(dots)?;
        }
        Ok(())
    }

    fn legend(&self, area: &Area) -> Painted {
        let mut y = 56;
        for line in &self.lines {
            let style = line.style();
            let pieces: &[_] =
                if line.is_dashed { &[(0, 6), (9, 15), (18, 24)] } else { &[(0, 24)] };
            for (from, to) in pieces {
                area.draw(&PathElement::new([(*from, y), (*to, y)], style))?;
            }
            for part in line.name.lines() {
                area.draw(&Text::new(part.to_owned(), (32, y - 6), font(16)))?;
                y += 18;
            }
            y += 10;
        }
        Ok(())
    }

    /// From the lowest to the highest, and `beyond` on both sides.
    fn range(&self, take: impl Fn(&(f64, f64)) -> f64, beyond: f64) -> Range<f64> {
        let all = || self.lines.iter().flat_map(|line| &line.points).map(&take);
        let low = all().fold(f64::INFINITY, f64::min);
        low / beyond..all().fold(0.0, f64::max) * beyond
    }
}

impl Axis {
    fn text(&self) -> String {
        let Self { label, unit } = self;
        if unit.is_empty() { (*label).to_owned() } else { format!("{label}, {unit}") }
    }
}

impl Line {
    fn style(&self) -> ShapeStyle {
        let (red, green, blue) = HUES[self.hue % HUES.len()];
        RGBColor(red, green, blue).stroke_width(2)
    }
}

const SIZE: (u32, u32) = (760, 400);
const LEGEND: u32 = 170;
const DASH: i32 = 6;
const GAP: i32 = 4;
/// Told apart by those who see colours otherwise, too.
const HUES: [(u8, u8, u8); 4] = [(0, 114, 178), (90, 90, 90), (213, 94, 0), (0, 158, 115)];

/// Of a height in pixels that the library makes a little smaller.
fn font(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&BLACK)
}
