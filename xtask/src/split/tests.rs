//! The parts of a small module are valid wasm and hold what the plan says.

use wasm_encoder::{
    CodeSection, ConstExpr, ElementSection, Elements, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, ImportSection, Instruction, MemorySection,
    MemoryType, RefType, TableSection, TableType, TypeSection, ValType,
};

use super::*;

/// 0: imported; 1: exported, calls 0 and 2; 2: calls 3 and 0; 3: alone; 4: only in the table.
fn sample() -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    types.ty().function([ValType::I32], []);
    types.ty().function([ValType::I32, ValType::I32], [ValType::I32]);
    let mut imports = ImportSection::new();
    imports.import("js", "f", wasm_encoder::EntityType::Function(0));
    let mut functions = FunctionSection::new();
    for ty in [0, 2, 0, 1] {
        functions.function(ty);
    }
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 2,
        maximum: Some(2),
        shared: false,
    });
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut globals = GlobalSection::new();
    let stack = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    globals.global(stack, &ConstExpr::i32_const(65_536));
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    exports.export("start", ExportKind::Func, 1);
    let mut elements = ElementSection::new();
    elements.active(None, &ConstExpr::i32_const(1), Elements::Functions(vec![4].into()));
    let mut code = CodeSection::new();
    let i32s = [Instruction::I32Const(1), Instruction::I32Const(2)];
    for body in [
        vec![
            Instruction::Call(0),
            i32s[0].clone(),
            i32s[1].clone(),
            Instruction::Call(2),
            Instruction::Drop,
        ],
        vec![Instruction::Call(3), Instruction::Call(0), Instruction::LocalGet(1)],
        vec![],
        vec![],
    ] {
        let mut function = Function::new([]);
        body.iter().chain([&Instruction::End]).for_each(|i| _ = function.instruction(i));
        code.function(&function);
    }
    let mut names = wasm_encoder::NameSection::new();
    let mut map = wasm_encoder::NameMap::new();
    for (index, name) in [(2, "drydock[1f3a2b]::kube::a"), (4, "<k8s_openapi::Pod>::drop")] {
        map.append(index, name);
    }
    names.functions(&map);
    let mut module = wasm_encoder::Module::new();
    module.section(&types).section(&imports).section(&functions).section(&tables);
    module.section(&memories).section(&globals).section(&exports).section(&elements).section(&code);
    module.section(&names);
    module.finish()
}

#[test]
fn parts_are_valid_and_hold_what_the_plan_says() {
    let wasm = sample();
    let module = Module::read(&wasm).expect("a module");
    let plan = plan::plan(&module, &BTreeSet::from([1])).expect("a plan");
    assert_eq!(plan.rest, BTreeSet::from([2, 3, 4]));
    assert_eq!(plan.slots.keys().copied().collect::<Vec<_>>(), [2, 4]);
    assert_eq!(plan.shared, BTreeSet::from([0]));
    let first = first::write(&wasm, &module, &plan).expect("a first part");
    let rest = rest::write(&module, &plan).expect("a rest");
    for part in [&first, &rest, &probe::write(&wasm, &module).expect("a probe")] {
        wasmparser::Validator::new().validate_all(part).expect("valid wasm");
    }
}

#[test]
fn what_ran_and_what_the_page_calls_stays() {
    let wasm = sample();
    let mut module = Module::read(&wasm).expect("a module");
    assert_eq!(module.names[2], "drydock::kube::a");
    let all = plan::plan(&module, &BTreeSet::from([1, 2, 3, 4])).expect("a plan");
    assert!(all.rest.is_empty());
    module.names[2] = "drydock::ui::a".to_owned();
    let page = plan::plan(&module, &BTreeSet::new()).expect("a plan");
    assert_eq!(page.rest, BTreeSet::from([4]));
}
