//! The first part: the module with stubs where the functions of the rest stood.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function, GlobalSection,
    GlobalType, ImportSection, Instruction, Module as Output, TableSection, ValType,
};

use super::module::{Module, told};
use super::plan::Plan;
use crate::shell::Outcome;

/// Error of a re-encoding; nothing of ours fails.
type Result<T = ()> = std::result::Result<T, Error<std::convert::Infallible>>;

struct First<'m, 'a> {
    module: &'m Module<'a>,
    plan: &'m Plan,
    /// The function whose body comes next.
    next: u32,
}

/// Write the first part.
pub fn write(wasm: &[u8], module: &Module<'_>, plan: &Plan) -> Outcome<Vec<u8>> {
    let mut output = Output::new();
    let mut first = First { module, plan, next: module.imported };
    first.parse_core_module(&mut output, wasmparser::Parser::new(0), wasm).map_err(told)?;
    Ok(output.finish())
}

impl First<'_, '_> {
    /// What stands in the place of a function of the rest: make sure that the rest is there, then
    /// call it through the table.
    fn stub(&self, function: u32, slot: u32) -> Function {
        let ty = self.module.type_of(function);
        let parameters = self.module.signatures.get(ty as usize).map_or(0, |s| s.params().len());
        let mut stub = Function::new([]);
        stub.instruction(&Instruction::GlobalGet(self.module.globals()));
        stub.instruction(&Instruction::I32Eqz);
        stub.instruction(&Instruction::If(wasm_encoder::BlockType::Empty));
        stub.instruction(&Instruction::Call(self.module.imported));
        stub.instruction(&Instruction::End);
        for parameter in (0u32..).take(parameters) {
            stub.instruction(&Instruction::LocalGet(parameter));
        }
        stub.instruction(&Instruction::I32Const(slot.cast_signed()));
        stub.instruction(&Instruction::CallIndirect {
            type_index: ty,
            table_index: self.module.tables(),
        });
        stub.instruction(&Instruction::End);
        stub
    }
}

impl Reencode for First<'_, '_> {
    type Error = std::convert::Infallible;

    /// The import that loads the rest comes after the other imports.
    fn function_index(&mut self, function: u32) -> Result<u32> {
        Ok(if function < self.module.imported { function } else { function + 1 })
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Result {
        utils::parse_import_section(self, imports, section)?;
        imports.import("rest", "load", EntityType::Function(self.plan.nothing));
        Ok(())
    }

    fn parse_table_section(
        &mut self,
        tables: &mut TableSection,
        section: wasmparser::TableSectionReader<'_>,
    ) -> Result {
        utils::parse_table_section(self, tables, section)?;
        tables.table(self.plan.table());
        Ok(())
    }

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: wasmparser::GlobalSectionReader<'_>,
    ) -> Result {
        utils::parse_global_section(self, globals, section)?;
        let there = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        globals.global(there, &ConstExpr::i32_const(0));
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result {
        utils::parse_export_section(self, exports, section)?;
        for function in &self.plan.shared {
            let index = self.function_index(*function)?;
            exports.export(&format!("f{function}"), ExportKind::Func, index);
        }
        for global in 0..self.module.globals() {
            exports.export(&format!("g{global}"), ExportKind::Global, global);
        }
        exports.export("there", ExportKind::Global, self.module.globals());
        for table in 0..=self.module.tables() {
            exports.export(&format!("t{table}"), ExportKind::Table, table);
        }
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: wasmparser::FunctionBody<'_>,
    ) -> Result {
        let function = self.next;
        self.next += 1;
        if !self.plan.rest.contains(&function) {
            return utils::parse_function_body(self, code, body);
        }
        if let Some(slot) = self.plan.slots.get(&function) {
            code.function(&self.stub(function, *slot));
        } else {
            let mut gone = Function::new([]);
            gone.instruction(&Instruction::Unreachable);
            gone.instruction(&Instruction::End);
            code.function(&gone);
        }
        Ok(())
    }

    fn parse_custom_section(
        &mut self,
        _output: &mut Output,
        _section: wasmparser::CustomSectionReader<'_>,
    ) -> Result {
        Ok(())
    }
}
