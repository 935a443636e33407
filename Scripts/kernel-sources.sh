# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What check-kernels and gpu-check read from the kernels; sourced by them, at the top of the repository.
#
# A kernel's text is what the library builds: the files of Kernels/common that its lines "// Prepend common/..." name,
# then its own. Lines in it list options to compile it with, or say `defaults`; -DNAME=* stands for each value in the
# comment of NAME's definition, `#define NAME F32 // F32, F16, BF16`:
#   // check: -DMR=6 -DVECTOR=8     options that only check-kernels compiles
#   // gpu: -DROWS=* -DB_TYPE=*     options that launchers use on GPUs of every vendor
#   // nvidia: -DMMA_PTX=1          on NVIDIA's GPUs only
#   // amd: -DHALF_ARITHMETIC=1     on AMD's GPUs only
#   // stack: 800                   bytes that a work-item may need for arrays that it indexes by number; 0 without
# A kernel without a gpu:, nvidia: or amd: line is for CPU devices, or for GPUs that no compiler is here for (intel:).

# Prints every kernel.
kernels() { find Kernels -name '*.cl' -not -path 'Kernels/common/*' | LC_ALL=C sort; }

# Prints the files of Kernels/common that kernel $1 asks for.
common_files() { sed -n '/^\/\/ Prepend /p' "$1" | grep -o 'common/[a-z_]*' | sed 's/.*/Kernels\/&.cl/' || true; }

# Prints -include Kernels/common/elements.cl and so on for them.
includes() { common_files "$1" | sed 's/^/-include /'; }

# Prints the bytes of stack that kernel $1 says it has.
stack_of() { sed -nE 's/^\/\/ stack: ([0-9]+).*/\1/p' "$1" | grep . || echo 0; }

# Prints NAME and its values for each definition in the files $@ that lists them.
listed_values() { sed -nE 's/^#define (\w+) \w+ *\/\/ *(\w+(, *\w+)+) *$/\1 \2/p' "$@" | tr -d ,; }

# option_sets KERNEL WORD: prints the options of each line "// WORD: ...", one set a line.
option_sets() {
  local line files
  mapfile -t files < <(common_files "$1")
  while IFS= read -r line; do
    if [ "$line" = defaults ]; then line=; fi
    expand "$line" "$1" ${files[@]+"${files[@]}"}
  done < <(sed -nE "s/^ *\/\/ $2: *(.*[^ ]) *$/\1/p" "$1")
}

# expand OPTIONS FILE...: prints OPTIONS once for each value that a star in them stands for.
expand() {
  local options=$1 name value values
  shift
  if [[ ! $options =~ (.*)-D([A-Z_]+)=\*(.*) ]]; then
    printf '%s\n' "$options"
    return
  fi
  name=${BASH_REMATCH[2]}
  read -r -a values < <(listed_values "$@" | sed -n "s/^$name //p")
  [ ${#values[@]} -gt 0 ] || { echo "$1: no definition lists the values of $name" >&2; return 1; }
  for value in "${values[@]}"; do expand "${options/-D$name=\*/-D$name=$value}" "$@"; done
}
