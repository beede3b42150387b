"""The parts of the report that hold whatever the datasets are: JIT, IR and Warp in brief."""

PRIMER = """\
## Just-in-time compilation

**What.** A JIT compiler translates code while the program runs, at the moment a function is first needed.

**Why.** By then it knows what an ahead-of-time compiler can only guess: the types and constants in use
and the device at hand. One source serves many devices, there is no build step, and the machine code is
still that of an optimising compiler. The price is a wait at the first call; caches keyed by a hash of the
source pay it once.

**Where it fits.** Between an interpreter (starts at once, runs slowly) and a build (runs fast, knows
nothing of the run). Numba, Triton, JAX and `torch.compile` are JITs for numerical Python; so is Warp:
a kernel is written as a Python function and compiled when it is first launched.

## Intermediate representations

**What.** An IR is a program in a form between the source and the machine code.

**Why.** N languages and M machines need N + M translators instead of N times M, and every analysis
or transformation has one place to happen. Differentiation is such a transformation: Warp derives the adjoint
of a kernel from its IR.

**Typical forms.** Trees (Python's AST) keep the shape of the source. Three-address code in static single
assignment (LLVM IR, MLIR) gives each value one definition and makes data flow plain. Graphs (XLA's HLO)
suit whole tensor programs. Virtual instruction sets (PTX, SPIR-V) are shipped and finished by a driver.

**Warp's own path**

| form | made by | what happens |
|---|---|---|
| Python source, then AST | Python's `ast` | the kernel is read, not run |
| SSA-like blocks with adjoint | Warp's `Adjoint` | types resolved, values numbered, reverse derived |
| **C++** and **CUDA C++** | Warp's `ModuleBuilder` | the blocks are written out, forward and backward |
| LLVM IR, PTX | Clang/LLVM (CPU), NVRTC (GPU) | both embedded in Warp; optimisation |
| machine code | LLVM, NVIDIA's assembler or driver | x86-64 or Arm objects; SASS for one GPU generation |

The third form is what the datasets hold. It is C++, yet still close to SSA: numbered variables, one
operation a line, the derivative spelled out.

## NVIDIA Warp

Warp is NVIDIA's open-source Python framework for simulation, robotics, geometry and differentiable
physics. It matters here for three reasons. One kernel yields aligned texts in three languages: Python, C++
and CUDA C++. Each comes with its reverse-mode derivative, which is rare in code corpora. And the text is
generated before any device is touched, so CUDA code can be made, and compiled, on a machine without a GPU.
"""
