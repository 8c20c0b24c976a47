//! What the split needs to know of a module: its functions, their types, names and calls.

use std::collections::BTreeSet;

use wasmparser::{
    ElementItems, ExternalKind, FunctionBody, Name, Operator, Parser, Payload, TypeRef,
};

use crate::shell::Outcome;

/// Facts of a module; functions go by their index in it.
#[derive(Default)]
pub struct Module<'a> {
    /// Imported functions come first in the index space.
    pub imported: u32,
    /// Type index of each function, imported ones included.
    pub types: Vec<u32>,
    /// The types themselves.
    pub signatures: Vec<wasmparser::FuncType>,
    /// Bodies of the functions that are not imported.
    pub bodies: Vec<FunctionBody<'a>>,
    /// Types of the globals, none of them imported.
    pub global_types: Vec<wasmparser::GlobalType>,
    /// Types of the tables, none of them imported.
    pub table_types: Vec<wasmparser::TableType>,
    /// Type of the memory.
    pub memory: Option<wasmparser::MemoryType>,
    /// The section of types as it stands.
    pub type_section: Option<wasmparser::TypeSectionReader<'a>>,
    /// Functions that are exported, or run at the start.
    pub exported: BTreeSet<u32>,
    /// Functions in a table.
    pub tabled: BTreeSet<u32>,
    /// Demangled names, without the hashes of crates.
    pub names: Vec<String>,
}

/// What the split cannot read is said as it is.
pub fn told(error: impl std::fmt::Display) -> String {
    format!("splitting the wasm: {error}")
}

impl<'a> Module<'a> {
    /// Read a module.
    pub fn read(wasm: &'a [u8]) -> Outcome<Self> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            module.take(payload.map_err(told)?)?;
        }
        module.names.resize(module.types.len(), String::new());
        Ok(module)
    }

    fn take(&mut self, payload: Payload<'a>) -> Outcome {
        match payload {
            Payload::TypeSection(types) => {
                self.type_section = Some(types.clone());
                for ty in types.into_iter_err_on_gc_types() {
                    let ty = ty.map_err(told)?;
                    self.signatures.push(ty);
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    match import.map_err(told)?.ty {
                        TypeRef::Func(ty) => self.types.push(ty),
                        other => return Err(told(format!("unexpected import {other:?}"))),
                    }
                    self.imported += 1;
                }
            }
            Payload::FunctionSection(functions) => {
                for ty in functions {
                    self.types.push(ty.map_err(told)?);
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    self.table_types.push(table.map_err(told)?.ty);
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.memory = Some(memory.map_err(told)?);
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    self.global_types.push(global.map_err(told)?.ty);
                }
            }
            Payload::StartSection { func, .. } => {
                self.exported.insert(func);
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export.map_err(told)?;
                    if export.kind == ExternalKind::Func {
                        self.exported.insert(export.index);
                    }
                }
            }
            Payload::ElementSection(elements) => {
                for element in elements {
                    if let ElementItems::Functions(items) = element.map_err(told)?.items {
                        for item in items {
                            self.tabled.insert(item.map_err(told)?);
                        }
                    }
                }
            }
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::CustomSection(section) => {
                if let wasmparser::KnownCustom::Name(names) = section.as_known() {
                    self.take_names(names)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn take_names(&mut self, section: wasmparser::NameSectionReader<'_>) -> Outcome {
        self.names.resize(self.types.len(), String::new());
        for part in section {
            let Name::Function(names) = part.map_err(told)? else { continue };
            for naming in names {
                let naming = naming.map_err(told)?;
                if let Some(name) = self.names.get_mut(naming.index as usize) {
                    *name = without_hashes(naming.name);
                }
            }
        }
        Ok(())
    }

    /// Number of globals.
    pub fn globals(&self) -> u32 {
        u32::try_from(self.global_types.len()).unwrap_or(u32::MAX)
    }

    /// Number of tables.
    pub fn tables(&self) -> u32 {
        u32::try_from(self.table_types.len()).unwrap_or(u32::MAX)
    }

    /// The index of a type: these parameters, and no result.
    pub fn procedure(&self, parameters: &[wasmparser::ValType]) -> Outcome<u32> {
        let fits = |ty: &wasmparser::FuncType| ty.params() == parameters && ty.results().is_empty();
        let found = self.signatures.iter().position(fits);
        let found = found.ok_or_else(|| told("a type is missing"))?;
        u32::try_from(found).map_err(told)
    }

    /// The type index of a function.
    pub fn type_of(&self, function: u32) -> u32 {
        self.types.get(function as usize).copied().unwrap_or_default()
    }

    /// The body of a function that is not imported.
    pub fn body(&self, function: u32) -> Option<&FunctionBody<'a>> {
        self.bodies.get(function.checked_sub(self.imported)? as usize)
    }

    /// The functions that are not imported.
    pub fn defined(&self) -> impl Iterator<Item = u32> {
        self.imported..self.imported + u32::try_from(self.bodies.len()).unwrap_or(0)
    }

    /// Functions that a function names, and whether it does what only the first part may:
    /// lay out memory, or make a function a value.
    pub fn calls(&self, function: u32) -> Outcome<(BTreeSet<u32>, bool)> {
        let (mut calls, mut bound) = (BTreeSet::new(), false);
        if let Some(body) = self.body(function) {
            for operator in body.get_operators_reader().map_err(told)? {
                match operator.map_err(told)? {
                    Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                        calls.insert(function_index);
                    }
                    Operator::RefFunc { .. }
                    | Operator::MemoryInit { .. }
                    | Operator::DataDrop { .. }
                    | Operator::TableInit { .. }
                    | Operator::ElemDrop { .. } => bound = true,
                    _ => {}
                }
            }
        }
        Ok((calls, bound))
    }
}

/// `core[1f3a]::fmt` without `[1f3a]`: hashes of crates change with the compiler.
fn without_hashes(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        match after.split_once(']') {
            Some((hash, tail)) if hash.len() > 4 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
                rest = tail;
            }
            _ => {
                out.push('[');
                rest = after;
            }
        }
    }
    out + rest
}
