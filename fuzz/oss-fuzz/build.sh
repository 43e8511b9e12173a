#!/bin/bash -eu
# Builds the targets as OSS-Fuzz wants them: compilers and flags from the environment, everything
# that runs into $OUT. TARGETS limits it to some.
#
#   CC CXX CFLAGS CXXFLAGS LIB_FUZZING_ENGINE OUT    as OSS-Fuzz sets them
#   SRC                                              the folder that holds libremote
source_folder=${SRC:-$(cd "$(dirname "$0")/../../.." && pwd)}/libremote
[ -d "$source_folder" ] || source_folder=$(cd "$(dirname "$0")/../.." && pwd)
work=${WORK:-$(mktemp -d)}/libremote-fuzz

# The mutator is called by libFuzzer only.
mutator=OFF
[ "${FUZZING_ENGINE:-libfuzzer}" = libfuzzer ] && mutator=ON

cmake -S "$source_folder" -B "$work" -G Ninja -DCMAKE_BUILD_TYPE=None \
  -DCMAKE_C_COMPILER="$CC" -DCMAKE_C_FLAGS="$CFLAGS" \
  -DCMAKE_BUILD_RPATH='$ORIGIN/lib' -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON \
  -DCMAKE_INSTALL_RPATH='$ORIGIN/lib' \
  -DREMOTE_FUZZ=ON -DREMOTE_FUZZ_ENGINE="$LIB_FUZZING_ENGINE" -DREMOTE_FUZZ_MUTATOR=$mutator \
  -DREMOTE_TOOLS=OFF -DBUILD_TESTING=OFF

if [ -z "${TARGETS:-}" ]; then
  TARGETS=$(sed -n 's/^remote_add_fuzzer(NAME \([a-z_]*\).*/\1/p' "$source_folder/fuzz/CMakeLists.txt")
fi
mkdir -p "$OUT/lib"
for target in $TARGETS; do
  cmake --build "$work" --target "fuzz_$target"
  cp "$work/fuzz/fuzz_$target" "$OUT/"
  # Not on the machine that runs them: what was linked from packages.
  ldd "$OUT/fuzz_$target" | awk '/protobuf-c|jansson|libcrypto|libssl|libuv|libz\.so/ && $3 ~ /^\// { print $3 }' |
    xargs -r -I{} cp -Lu {} "$OUT/lib/"
  seeds=()
  for folder in corpus regressions; do
    [ -d "$source_folder/fuzz/$folder/$target" ] && seeds+=("$source_folder/fuzz/$folder/$target")
  done
  [ ${#seeds[@]} -gt 0 ] && (cd "$source_folder/fuzz" && python3 - "$OUT/fuzz_${target}_seed_corpus.zip" "${seeds[@]}" <<'P'
import os
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as out:
    for folder in sys.argv[2:]:
        for name in sorted(os.listdir(folder)):
            out.write(os.path.join(folder, name), os.path.basename(folder) + "-" + name)
P
  )
  dictionary=$source_folder/fuzz/dictionaries/$target.dict
  [ -f "$dictionary" ] || dictionary=$source_folder/gen/tables/schema.dict
  cp "$dictionary" "$OUT/fuzz_$target.dict"
  printf '[libfuzzer]\ndict = fuzz_%s.dict\n' "$target" >"$OUT/fuzz_$target.options"
done
