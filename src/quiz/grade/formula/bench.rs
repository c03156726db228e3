//! A formula question made ready: its reference, its mistakes, and the worlds they are compared in.

use super::{
    Fault,
    expression::Expression,
    names::Names,
    read::{self, Written},
    value::Value,
    world::{DRAWS, Shapes, World, same},
};
use crate::quiz::bank::Formula;

/// What a formula comes to in a few draws of one kind of world.
pub(crate) type Outcome = Result<Vec<Value>, Fault>;

/// A question's formulas and worlds.
pub(crate) struct Bench {
    pub(crate) names: Names,
    pub(crate) reference: Expression,
    /// One per mistake of the bank; a mistake that cannot be read has a fault (`bank check` reports it).
    pub(crate) mistakes: Vec<Result<Expression, Fault>>,
    declared: Vec<World>,
    rows: Vec<World>,
    square: Vec<World>,
    unit: Vec<World>,
}

impl Bench {
    /// Draws the worlds and reads the bank's formulas.
    pub(crate) fn new(formula: &Formula) -> Result<Self, Fault> {
        let mut names = Names::default();
        let mut worlds = |shapes| {
            (0..DRAWS).map(|draw| World::draw(formula, &mut names, shapes, draw)).collect::<Result<Vec<_>, _>>()
        };
        let (declared, rows) = (worlds(Shapes::Declared)?, worlds(Shapes::Rows)?);
        let (square, unit) = (worlds(Shapes::Square)?, worlds(Shapes::UnitScalars)?);
        let reference = read::strict(&formula.reference, &names)?;
        let mistakes = formula.mistakes.iter().map(|mistake| read::strict(&mistake.formula, &names)).collect();
        Ok(Self { names, reference, mistakes, declared, rows, square, unit })
    }

    fn worlds(&self, shapes: Shapes) -> &[World] {
        match shapes {
            Shapes::Declared => &self.declared,
            Shapes::Rows => &self.rows,
            Shapes::Square => &self.square,
            Shapes::UnitScalars => &self.unit,
        }
    }

    /// The first world with the declared shapes.
    pub(crate) fn sample(&self) -> Option<&World> {
        self.declared.first()
    }

    /// What one of the bank's own formulas comes to.
    pub(crate) fn own(&self, formula: &Expression, shapes: Shapes) -> Outcome {
        self.worlds(shapes).iter().map(|world| formula.evaluate(world)).collect()
    }

    /// What a learner's formula comes to.
    pub(crate) fn theirs(&self, written: &Written, shapes: Shapes) -> Outcome {
        self.worlds(shapes)
            .iter()
            .map(|world| {
                let mut world = world.clone();
                for definition in &written.definitions {
                    let value = definition.evaluate(&world)?;
                    world.values.push(value);
                }
                written.formula.evaluate(&world)
            })
            .collect()
    }

    /// The values of the vector symbols, draw by draw, with their names.
    pub(crate) fn vectors(&self, formula: &Formula) -> Vec<(String, Vec<Value>)> {
        let named = formula.symbols.iter().filter(|(_, shape)| shape.len() == 1);
        named
            .filter_map(|(name, _)| {
                let at = self.names.find_exact(name)?;
                Some((name.clone(), self.declared.iter().filter_map(|world| world.values.get(at).cloned()).collect()))
            })
            .collect()
    }
}

/// Whether two outcomes are the same in every draw.
pub(crate) fn agree(a: &Outcome, b: &Outcome) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => false,
    }
}
