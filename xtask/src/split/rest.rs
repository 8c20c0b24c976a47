//! The rest: the functions that the first screen does not need, over the first part's memory,
//! globals and tables.

use std::collections::BTreeMap;

use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{
    CodeSection, ConstExpr, ElementSection, Elements, EntityType, FunctionSection, ImportSection,
    Module as Output, TypeSection,
};

use super::module::{Module, told};
use super::plan::Plan;
use crate::shell::Outcome;

/// From which module the rest imports: the instance of the first part.
const FIRST: &str = "first";

struct Rest {
    /// New index of each function that the rest holds or calls.
    index: BTreeMap<u32, u32>,
}

impl Reencode for Rest {
    type Error = String;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<String>> {
        let found = self.index.get(&function).copied();
        found.ok_or_else(|| Error::UserError(format!("function {function} is not shared")))
    }
}

/// Write the rest.
pub fn write(module: &Module<'_>, plan: &Plan) -> Outcome<Vec<u8>> {
    let order = plan.shared.iter().chain(&plan.rest);
    let mut rest = Rest { index: order.copied().zip(0..).collect() };
    let mut output = Output::new();
    let mut types = TypeSection::new();
    if let Some(section) = module.type_section.clone() {
        rest.parse_type_section(&mut types, section).map_err(told)?;
    }
    output.section(&types);
    output.section(&imports(&mut rest, module, plan)?);
    let mut functions = FunctionSection::new();
    for function in &plan.rest {
        functions.function(module.type_of(*function));
    }
    output.section(&functions);
    output.section(&elements(&mut rest, module, plan)?);
    let mut code = CodeSection::new();
    for function in &plan.rest {
        let body = module.body(*function).ok_or_else(|| told("a body is missing"))?;
        rest.parse_function_body(&mut code, body.clone()).map_err(told)?;
    }
    output.section(&code);
    Ok(output.finish())
}

fn imports(rest: &mut Rest, module: &Module<'_>, plan: &Plan) -> Outcome<ImportSection> {
    let mut imports = ImportSection::new();
    for function in &plan.shared {
        let ty = EntityType::Function(module.type_of(*function));
        imports.import(FIRST, &format!("f{function}"), ty);
    }
    for (index, ty) in module.table_types.iter().enumerate() {
        let ty = rest.table_type(*ty).map_err(told)?;
        imports.import(FIRST, &format!("t{index}"), EntityType::Table(ty));
    }
    let slots = EntityType::Table(plan.table());
    imports.import(FIRST, &format!("t{}", module.tables()), slots);
    let memory = module.memory.ok_or_else(|| told("there is no memory"))?;
    let memory = rest.memory_type(memory).map_err(told)?;
    imports.import(FIRST, "memory", EntityType::Memory(memory));
    for (index, ty) in module.global_types.iter().enumerate() {
        let ty = rest.global_type(*ty).map_err(told)?;
        imports.import(FIRST, &format!("g{index}"), EntityType::Global(ty));
    }
    Ok(imports)
}

/// Put the functions that the first part calls into its table.
fn elements(rest: &mut Rest, module: &Module<'_>, plan: &Plan) -> Outcome<ElementSection> {
    let mut by_slot: Vec<(u32, u32)> = plan.slots.iter().map(|(f, slot)| (*slot, *f)).collect();
    by_slot.sort_unstable();
    let mut functions = Vec::new();
    for (_, function) in by_slot {
        functions.push(rest.function_index(function).map_err(told)?);
    }
    let mut elements = ElementSection::new();
    let list = Elements::Functions(functions.into());
    elements.active(Some(module.tables()), &ConstExpr::i32_const(0), list);
    Ok(elements)
}
