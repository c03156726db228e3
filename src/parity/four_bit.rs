//! Four-bit quantisation: codes, scales, double quantisation, values.

use candle_core::{DType, Result, Tensor, bail};
use serde_json::Value;

use super::{Case, Check, check};
use crate::quant::{Codebook, DynamicMap, EightBit, Quantised, Scales, quantise};

/// Weights that share a scale.
const BLOCK: usize = 64;

/// Where a code may differ: this near to a boundary between two, as `case.json` says.
const MARGIN: f32 = 1e-6;

pub(super) fn compare(case: &Case) -> Result<Vec<Check>> {
    let values = |values: &[f32]| Tensor::new(values, case.tensor("codebook_nf4")?.device());
    let books = [("nf4", Codebook::nf4()), ("fp4", Codebook::fp4())];
    let mut checks = vec![check(
        "dynamic_map_code2",
        &values(DynamicMap::signed().values())?,
        case.tensor("dynamic_map_code2")?,
        1e-7,
    )?];
    for (kind, book) in &books {
        let name = format!("codebook_{kind}");
        checks.push(check(name.clone(), &values(book.values())?, case.tensor(&name)?, 1e-7)?);
    }
    let block = case.field("blocksize").and_then(Value::as_u64).unwrap_or(BLOCK as u64) as usize;
    let mut names: Vec<String> =
        case.names().filter_map(|name| name.strip_suffix("/input").map(str::to_owned)).collect();
    names.sort();
    if names.is_empty() {
        bail!("io.safetensors has no matrix");
    }
    for name in names {
        let input = case.tensor(&format!("{name}/input"))?;
        for (kind, book) in &books {
            if case.has(&format!("{name}/{kind}/packed")) {
                checks.extend(one(case, &name, kind, input, block, book)?);
            }
        }
    }
    Ok(checks)
}

fn one(case: &Case, name: &str, kind: &str, input: &Tensor, block: usize, book: &Codebook) -> Result<Vec<Check>> {
    let expected = |what: &str| case.tensor(&format!("{name}/{kind}/{what}"));
    let flat = input.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    // The library's own table, so that the values are compared and not the last bit of a quantile.
    let table: Vec<f32> = case.tensor(&format!("codebook_{kind}"))?.to_vec1()?;
    let table = <[f32; 16]>::try_from(table).map_or_else(|_| book.clone(), Codebook::of);
    let ours = quantise(&flat, block, &table)?;
    let mut checks = vec![codes(&format!("{name}/{kind} codes"), &ours, &flat, &expected("packed")?.to_vec1()?)];
    let absmax = Tensor::new(&*ours.absmax(), input.device())?;
    checks.push(check(format!("{name}/{kind}/absmax"), &absmax, expected("absmax")?, 0.0)?);
    let theirs = Quantised::from_parts(
        expected("packed")?.to_vec1()?,
        Scales::Plain(expected("absmax")?.to_vec1()?),
        flat.len(),
        block,
        table.clone(),
    );
    let theirs = theirs.map_err(candle_core::Error::Msg)?;
    let back = |numbers: &Quantised| {
        Tensor::from_vec(numbers.dequantise(), input.shape(), input.device())?.to_dtype(input.dtype())
    };
    checks.push(check(format!("{name}/{kind}/dequantised"), &back(&theirs)?, expected("dequantised")?, 0.0)?);
    if kind == "nf4" && case.has(&format!("{name}/nf4_double/dequantised")) {
        checks.extend(double(case, name, theirs, &back)?);
    }
    Ok(checks)
}

/// Codes; one that differs counts by how far the number is from a boundary.
fn codes(what: &str, ours: &Quantised, values: &[f32], packed: &[u8]) -> Check {
    let mut worst = 0f32;
    for (index, value) in values.iter().enumerate() {
        let theirs = if index.is_multiple_of(2) { packed[index / 2] >> 4 } else { packed[index / 2] & 15 };
        if ours.code(index) != theirs {
            let scale = ours.scales().get(index / ours.block());
            worst = worst.max(ours.codebook().margin(value / scale).max(f32::MIN_POSITIVE));
        }
    }
    if ours.packed().len() != packed.len() {
        worst = f32::INFINITY;
    }
    let absolute = f64::from(worst);
    Check { what: what.to_owned(), absolute, relative: absolute, tolerance: f64::from(MARGIN) }
}

/// Double quantisation of the library's own scales.
fn double(
    case: &Case,
    name: &str,
    plain: Quantised,
    back: &impl Fn(&Quantised) -> Result<Tensor>,
) -> Result<Vec<Check>> {
    let expected = |what: &str| case.tensor(&format!("{name}/nf4_double/{what}"));
    let largest = plain.absmax().iter().fold(0f32, |most, scale| most.max(*scale));
    let ours = plain.double();
    let Scales::Double { coded, offset } = ours.scales() else { bail!("the scales are not doubly quantised") };
    let device = expected("absmax2")?.device();
    let tolerance = 1e-6 * f64::from(largest);
    let mut checks = vec![
        check(format!("{name}/nf4_double/offset"), &Tensor::new(&[*offset], device)?, expected("offset")?, tolerance)?,
        check(
            format!("{name}/nf4_double/absmax2"),
            &Tensor::new(&coded.absmax[..], device)?,
            expected("absmax2")?,
            tolerance,
        )?,
    ];
    // Codes may be one off at a boundary, and are arbitrary where all scales of a block are equal.
    let theirs = expected("absmax_codes")?.to_vec1::<u8>()?;
    let off = coded
        .codes
        .iter()
        .zip(&theirs)
        .enumerate()
        .filter(|(index, _)| coded.absmax[index / coded.block] > 1e-6 * largest);
    let off = off.map(|(_, (a, b))| f64::from(a.abs_diff(*b))).fold(0.0, f64::max);
    checks.push(Check { what: format!("{name}/nf4_double codes"), absolute: off, relative: off, tolerance: 1.0 });
    let coded = EightBit { codes: theirs, absmax: expected("absmax2")?.to_vec1()?, block: coded.block };
    let scales = Scales::Double { coded, offset: expected("offset")?.flatten_all()?.to_vec1::<f32>()?[0] };
    let theirs =
        Quantised::from_parts(ours.packed().to_vec(), scales, ours.count(), ours.block(), ours.codebook().clone());
    let theirs = theirs.map_err(candle_core::Error::Msg)?;
    checks.push(check(format!("{name}/nf4_double/dequantised"), &back(&theirs)?, expected("dequantised")?, tolerance)?);
    Ok(checks)
}
