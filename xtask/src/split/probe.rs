//! The module with a report at the entry of each function, to learn which ones are called.

use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, EntityType, ImportSection, Instruction, Module as Output};

use super::module::{Module, told};
use crate::shell::Outcome;

struct Probe {
    imported: u32,
    /// Type of a function that takes an `i32`.
    report: u32,
    /// The function whose body comes next.
    next: u32,
}

/// Write it; the import `profile.called` is told the index of each function that is entered.
pub fn write(wasm: &[u8], module: &Module<'_>) -> Outcome<Vec<u8>> {
    let report = module.procedure(&[wasmparser::ValType::I32])?;
    let mut probe = Probe { imported: module.imported, report, next: module.imported };
    let mut output = Output::new();
    probe.parse_core_module(&mut output, wasmparser::Parser::new(0), wasm).map_err(told)?;
    Ok(output.finish())
}

impl Reencode for Probe {
    type Error = Infallible;

    /// The report comes after the other imports.
    fn function_index(&mut self, function: u32) -> Result<u32, Error> {
        Ok(if function < self.imported { function } else { function + 1 })
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_import_section(self, imports, section)?;
        imports.import("profile", "called", EntityType::Function(self.report));
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: wasmparser::FunctionBody<'_>,
    ) -> Result<(), Error> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        function.instruction(&Instruction::I32Const(self.next.cast_signed()));
        function.instruction(&Instruction::Call(self.imported));
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            function.instruction(&self.parse_instruction(&mut operators)?);
        }
        self.next += 1;
        code.function(&function);
        Ok(())
    }

    fn parse_custom_section(
        &mut self,
        _output: &mut Output,
        _section: wasmparser::CustomSectionReader<'_>,
    ) -> Result<(), Error> {
        Ok(())
    }
}
