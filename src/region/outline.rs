//! Outlines drawn on the baseline photo: LabelMe polygons and PNG label masks.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ndarray::Array2;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::raster::{self, Mask, cell_centre};
use crate::reading;

/// The most points that the polygons of one file may have together.
const MOST_POINTS: usize = 100_000;

/// The most regions that one file may have: each is measured by itself.
const MOST_REGIONS: usize = 100;

/// The largest region file that is read, bytes: LabelMe may embed the photo.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// A named outline on a photo.
#[derive(Debug, Clone)]
pub struct Outline {
    name: String,
    width: usize,
    height: usize,
    shape: Shape,
}

#[derive(Debug, Clone)]
enum Shape {
    /// Polygons in pixels, joined: what lies in any of them.
    Polygons(Vec<Vec<[f64; 2]>>),
    /// The pixels of a drawn mask that carry a label.
    Label(Arc<Array2<u16>>, u16),
}

impl Outline {
    /// The region's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region on the plane of the photo reduced by `factor`: the cells
    /// whose centre lies inside a polygon, or most of whose pixels carry the label.
    pub fn rasterise(&self, factor: usize) -> Mask {
        match &self.shape {
            Shape::Polygons(polygons) => fill(polygons, self.width / factor, self.height / factor, factor),
            Shape::Label(labels, label) => raster::reduce_mask(&labels.mapv(|value| value == *label), factor),
        }
    }
}

/// The outlines in a LabelMe JSON file or a PNG label mask, drawn on a photo
/// of `width` by `height` pixels; ordered by name.
///
/// In a LabelMe file polygons, rectangles and circles with the same label are
/// one region. A polygon that runs back along itself leaves a hole. In a mask
/// (grey or indexed PNG, 8 or 16 bits), 0 is no region and every other value
/// one, named by its number.
///
/// # Errors
///
/// - [`Error::Read`] if the file cannot be read.
/// - [`Error::Malformed`] if it is neither, if its size is not the photo's,
///   or if nothing is drawn in it.
pub fn read_regions(path: &Path, width: usize, height: usize) -> Result<Vec<Outline>> {
    let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
    let shapes = match path.extension().and_then(|name| name.to_str()).map(str::to_ascii_lowercase).as_deref()
    {
        Some("json") => label_me(path, &read(path)?, width, height)?,
        Some("png") => label_mask(path, &read(path)?, width, height)?,
        _ => return Err(malformed("a region file is LabelMe .json or a label mask .png".into())),
    };
    if shapes.is_empty() {
        return Err(malformed("nothing is drawn in it".into()));
    }
    if shapes.len() > MOST_REGIONS {
        return Err(malformed(format!("it has {} regions, more than {MOST_REGIONS}", shapes.len())));
    }
    Ok(shapes.into_iter().map(|(name, shape)| Outline { name, width, height, shape }).collect())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    reading::read(path, MOST_BYTES).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// Region names and their shapes, ordered.
type Shapes = Vec<(String, Shape)>;

#[derive(Deserialize)]
struct LabelMe {
    #[serde(rename = "imageWidth")]
    width: Option<usize>,
    #[serde(rename = "imageHeight")]
    height: Option<usize>,
    shapes: Vec<LabelMeShape>,
}

#[derive(Deserialize)]
struct LabelMeShape {
    label: String,
    points: Vec<[f64; 2]>,
    #[serde(default = "polygon")]
    shape_type: String,
}

fn polygon() -> String {
    "polygon".into()
}

fn label_me(path: &Path, bytes: &[u8], width: usize, height: usize) -> Result<Shapes> {
    let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
    let file: LabelMe =
        serde_json::from_slice(bytes).map_err(|error| malformed(format!("no LabelMe file: {error}")))?;
    same_size(path, (file.width.unwrap_or(width), file.height.unwrap_or(height)), (width, height))?;
    let corners =
        |shape: &LabelMeShape| if shape.shape_type == "circle" { SIDES } else { shape.points.len() };
    if file.shapes.iter().map(corners).sum::<usize>() > MOST_POINTS {
        return Err(malformed(format!("its polygons have more than {MOST_POINTS} points")));
    }
    let mut regions: BTreeMap<String, Vec<Vec<[f64; 2]>>> = BTreeMap::new();
    for (number, shape) in file.shapes.into_iter().enumerate() {
        let name =
            check_name(&shape.label).map_err(|reason| malformed(format!("shape {number}: {reason}")))?;
        let points =
            outline_of(&shape).map_err(|reason| malformed(format!("shape {number} ({name}): {reason}")))?;
        regions.entry(name).or_default().push(points);
    }
    Ok(regions.into_iter().map(|(name, polygons)| (name, Shape::Polygons(polygons))).collect())
}

/// A label that can be a region's name.
fn check_name(label: &str) -> std::result::Result<String, String> {
    let name = label.trim();
    if name.is_empty() || name.chars().count() > 100 || name.contains(char::is_control) {
        return Err(format!("the label {label:?} is not 1 to 100 printable characters"));
    }
    if name == super::SKIN {
        return Err("the label `skin` means all skin; choose another".into());
    }
    Ok(name.to_owned())
}

/// The shape's corners with pixel centres at whole numbers: LabelMe counts
/// from the corner of the first pixel.
fn outline_of(shape: &LabelMeShape) -> std::result::Result<Vec<[f64; 2]>, String> {
    if shape.points.iter().flatten().any(|at| !at.is_finite() || at.abs() > 1e9) {
        return Err("a point lies nowhere".into());
    }
    let corners = match (shape.shape_type.as_str(), shape.points.as_slice()) {
        ("polygon", points) if points.len() >= 3 => points.to_vec(),
        ("rectangle", &[[x0, y0], [x1, y1]]) => vec![[x0, y0], [x1, y0], [x1, y1], [x0, y1]],
        ("rectangle", points) if points.len() == 4 => points.to_vec(),
        ("circle", &[centre, rim]) => circle(centre, rim),
        (kind, points) => return Err(format!("a {kind} of {} points has no area", points.len())),
    };
    Ok(corners.into_iter().map(|[x, y]| [x - 0.5, y - 0.5]).collect())
}

/// Sides of the polygon that a circle becomes.
const SIDES: usize = 180;

fn circle([x, y]: [f64; 2], rim: [f64; 2]) -> Vec<[f64; 2]> {
    let radius = (rim[0] - x).hypot(rim[1] - y);
    let angle = |side| std::f64::consts::TAU * side as f64 / SIDES as f64;
    (0..SIDES).map(|side| [x + radius * angle(side).cos(), y + radius * angle(side).sin()]).collect()
}

fn same_size(path: &Path, drawn: (usize, usize), photo: (usize, usize)) -> Result<()> {
    if drawn == photo {
        return Ok(());
    }
    let reason = format!(
        "drawn on {} x {} pixels, but the upright baseline photo has {} x {}; draw on that photo",
        drawn.0, drawn.1, photo.0, photo.1
    );
    Err(Error::Malformed { path: path.to_owned(), reason })
}

fn label_mask(path: &Path, bytes: &[u8], width: usize, height: usize) -> Result<Shapes> {
    let labels = Arc::new(decode_labels(path, bytes, width, height)?);
    let mut seen = vec![false; usize::from(u16::MAX) + 1];
    labels.iter().for_each(|&label| seen[usize::from(label)] = true);
    let drawn = (1..=u16::MAX).filter(|&label| seen[usize::from(label)]);
    Ok(drawn.map(|label| (format!("label_{label}"), Shape::Label(Arc::clone(&labels), label))).collect())
}

fn decode_labels(path: &Path, bytes: &[u8], width: usize, height: usize) -> Result<Array2<u16>> {
    let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
    let broken = |error: png::DecodingError| malformed(format!("no PNG label mask: {error}"));
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().map_err(broken)?;
    let info = reader.info();
    same_size(path, (info.width as usize, info.height as usize), (width, height))?;
    if !matches!(info.color_type, png::ColorType::Grayscale | png::ColorType::Indexed) {
        return Err(malformed("a label mask is grey or indexed, not in colour".into()));
    }
    let depth = info.bit_depth as usize;
    let mut samples = vec![0; reader.output_buffer_size().unwrap_or_default()];
    let frame = reader.next_frame(&mut samples).map_err(broken)?;
    let lines = samples.chunks_exact(frame.line_size.max(1)).take(height);
    let labels = lines.flat_map(|line| (0..width).map(|x| sample(line, x, depth))).collect();
    Array2::from_shape_vec((height, width), labels).map_err(|_| malformed("rows are missing".into()))
}

/// Sample `x` of a row of samples of `depth` bits, packed from the high bit.
fn sample(line: &[u8], x: usize, depth: usize) -> u16 {
    if depth == 16 {
        return u16::from_be_bytes([line[2 * x], line[2 * x + 1]]);
    }
    let (at, mask) = (x * depth, u16::MAX >> (16 - depth));
    u16::from(line[at / 8]) >> (8 - depth - at % 8) & mask
}

/// The cells whose centre lies inside any of the polygons (even-odd rule).
fn fill(polygons: &[Vec<[f64; 2]>], width: usize, height: usize, factor: usize) -> Mask {
    raster::rows(width, height, |line, out| {
        let y = cell_centre(line as f64, factor);
        for polygon in polygons {
            for span in crossings(polygon, y).chunks_exact(2) {
                let cell = |x: f64| raster::in_cells(x, factor).ceil().clamp(0.0, width as f64) as usize;
                out[cell(span[0])..cell(span[1])].fill(true);
            }
        }
    })
}

/// Where the polygon's edges cross height `y`, from left to right: an even number.
fn crossings(polygon: &[[f64; 2]], y: f64) -> Vec<f64> {
    let ends = polygon.iter().zip(polygon.iter().cycle().skip(1));
    let crossed = ends.filter(|(a, b)| (a[1] <= y) != (b[1] <= y));
    let mut at: Vec<f64> = crossed.map(|(a, b)| a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])).collect();
    at.sort_by(f64::total_cmp);
    at
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use ndarray::array;

    fn outline(polygons: Vec<Vec<[f64; 2]>>, width: usize, height: usize) -> Outline {
        Outline { name: "test".into(), width, height, shape: Shape::Polygons(polygons) }
    }

    fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    fn png_of(color: png::ColorType, depth: png::BitDepth, size: (u32, u32), data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, size.0, size.1);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if color == png::ColorType::Indexed {
            encoder.set_palette([0u8; 12].as_slice());
        }
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        bytes
    }

    #[test]
    fn a_cell_is_inside_when_its_centre_is() {
        // From x = 0.5 to 2.5 and y = -0.5 to 1.5: columns 1 and 2 of rows 0 and 1.
        let square = vec![[0.5, -0.5], [2.5, -0.5], [2.5, 1.5], [0.5, 1.5]];
        let mask = outline(vec![square], 4, 3).rasterise(1);
        let (o, i) = (false, true);
        assert_eq!(mask, array![[o, i, i, o], [o, i, i, o], [o, o, o, o]]);
    }

    #[test]
    fn polygons_reach_beyond_the_photo_without_harm_and_leave_holes() {
        let ring = vec![
            [-9.0, -9.0],
            [9.0, -9.0],
            [9.0, 9.0],
            [-9.0, 9.0],
            [-9.0, -9.0],
            [0.5, 0.5],
            [0.5, 1.5],
            [1.5, 1.5],
            [1.5, 0.5],
            [0.5, 0.5],
        ];
        let mask = outline(vec![ring], 3, 3).rasterise(1);
        assert_eq!(raster::count(&mask), 8);
        assert!(!mask[[1, 1]]);
    }

    #[test]
    fn on_a_reduced_plane_the_same_skin_is_inside() {
        let half = vec![[-0.5, -0.5], [3.5, -0.5], [3.5, 7.5], [-0.5, 7.5]];
        let mask = outline(vec![half], 8, 8).rasterise(4);
        assert_eq!(mask, array![[true, false], [true, false]]);
    }

    #[test]
    fn label_me_shapes_of_one_label_are_one_region_counted_from_the_corner() {
        let (_folder, path) = written(
            "drawn.json",
            br#"{"imageWidth": 4, "imageHeight": 2, "shapes": [
            {"label": "cheek", "points": [[0, 0], [1, 1]], "shape_type": "rectangle"},
            {"label": "cheek", "points": [[3, 1], [4, 1], [4, 2], [3, 2]], "shape_type": "polygon"},
            {"label": "brow", "points": [[1, 0], [2, 0], [2, 2]]}]}"#,
        );
        let regions = read_regions(&path, 4, 2).unwrap();
        assert_eq!(regions.iter().map(Outline::name).collect::<Vec<_>>(), ["brow", "cheek"]);
        let (o, i) = (false, true);
        assert_eq!(regions[1].rasterise(1), array![[i, o, o, o], [o, o, o, i]]);
    }

    #[test]
    fn a_region_drawn_on_another_size_is_refused_with_both_sizes() {
        let (_folder, path) =
            written("drawn.json", br#"{"imageWidth": 40, "imageHeight": 20, "shapes": []}"#);
        let message = read_regions(&path, 4, 2).unwrap_err().to_string();
        assert!(message.contains("40 x 20") && message.contains("4 x 2"), "{message}");
    }

    #[test]
    fn shapes_without_area_are_refused_by_number() {
        for shape in [r#""points": [[0, 0], [1, 1]]"#, r#""points": [[0, 0]], "shape_type": "point""#] {
            let text = format!(r#"{{"shapes": [{{"label": "a", {shape}}}]}}"#);
            let (_folder, path) = written("drawn.json", text.as_bytes());
            assert!(read_regions(&path, 4, 2).unwrap_err().to_string().contains("shape 0"));
        }
    }

    #[test]
    fn a_label_mask_names_regions_by_value_at_every_depth() {
        use png::{BitDepth, ColorType};
        let masks = [
            png_of(ColorType::Grayscale, BitDepth::Eight, (3, 1), &[0, 1, 3]),
            png_of(ColorType::Grayscale, BitDepth::Sixteen, (3, 1), &[0, 0, 0, 1, 0, 3]),
            png_of(ColorType::Indexed, BitDepth::Two, (3, 1), &[0b0001_1100]),
        ];
        for bytes in masks {
            let (_folder, path) = written("mask.png", &bytes);
            let regions = read_regions(&path, 3, 1).unwrap();
            assert_eq!(regions.iter().map(Outline::name).collect::<Vec<_>>(), ["label_1", "label_3"]);
            assert_eq!(regions[1].rasterise(1), array![[false, false, true]]);
        }
    }

    #[test]
    fn more_regions_than_anyone_draws_are_refused() {
        let values: Vec<u8> = (0..=u8::MAX).collect();
        let mask = png_of(png::ColorType::Grayscale, png::BitDepth::Eight, (256, 1), &values);
        let (_folder, path) = written("mask.png", &mask);
        assert!(read_regions(&path, 256, 1).unwrap_err().to_string().contains("255 regions"));
        let circles =
            [r#"{"label": "a", "points": [[1, 1], [2, 2]], "shape_type": "circle"}"#; 1000].join(",");
        let (_folder, path) = written("drawn.json", format!(r#"{{"shapes": [{circles}]}}"#).as_bytes());
        assert!(read_regions(&path, 4, 2).unwrap_err().to_string().contains("100000 points"));
    }

    #[test]
    fn a_mask_in_colour_or_with_nothing_on_it_is_refused() {
        let colour = png_of(png::ColorType::Rgb, png::BitDepth::Eight, (1, 1), &[255, 0, 0]);
        let empty = png_of(png::ColorType::Grayscale, png::BitDepth::Eight, (1, 1), &[0]);
        for (bytes, word) in [(colour, "colour"), (empty, "nothing is drawn")] {
            let (_folder, path) = written("mask.png", &bytes);
            assert!(read_regions(&path, 1, 1).unwrap_err().to_string().contains(word));
        }
    }
}
