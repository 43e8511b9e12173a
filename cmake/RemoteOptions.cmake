# Options and compiler settings shared by every target.
option(REMOTE_TOOLS "Build the relay, the CLI and the demo agent" ON)
option(REMOTE_FUZZ "Build the fuzz targets (clang only)" OFF)
set(REMOTE_SANITIZE "" CACHE STRING "Sanitizers for every target, e.g. address,undefined")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Our own sources; generated code is exempt.
add_library(remote_warnings INTERFACE)
target_compile_options(remote_warnings INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
  -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef -Wno-missing-field-initializers
  # clang, unlike gcc, warns of the casts in protobuf-c's __INIT macros; gcc keeps watch for us.
  $<$<C_COMPILER_ID:Clang>:-Wno-cast-qual>)

# snprintf that cuts is what we mean by it; gcc warns of it only when it optimizes.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(remote_warnings INTERFACE -Wno-format-truncation)
endif()

if(REMOTE_SANITIZE)
  add_compile_options(-fsanitize=${REMOTE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${REMOTE_SANITIZE})
endif()
