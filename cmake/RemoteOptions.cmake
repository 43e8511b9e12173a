# Options and compiler settings shared by every target.
option(REMOTE_TOOLS "Build the relay, the CLI and the demo agent" ON)
option(REMOTE_FUZZ "Build the fuzz targets (clang only)" OFF)
set(REMOTE_SANITIZE "" CACHE STRING "Sanitizers for every target, e.g. address,undefined")

# The web client is built by `tools/dev web`, not by CMake; here are its tests. Who works on the C
# sources alone needs neither Node nor Chromium: they are left out when the client is not built.
find_program(REMOTE_NODE node DOC "Node 20.19 or later, for the tests of the web client")
find_program(REMOTE_CHROMIUM chromium DOC "Chromium, for the tests of the web client")
set(remote_web_built OFF)
if(REMOTE_NODE AND EXISTS ${PROJECT_SOURCE_DIR}/tools/web/node_modules/.installed
   AND EXISTS ${PROJECT_SOURCE_DIR}/build/web/index.html AND NOT REMOTE_SANITIZE)
  set(remote_web_built ON)
endif()
if(NOT DEFINED REMOTE_WEB) # -DREMOTE_WEB=ON or OFF decides; else what is there at each configuring
  set(REMOTE_WEB ${remote_web_built})
endif()
if(REMOTE_WEB AND NOT REMOTE_NODE)
  message(FATAL_ERROR "REMOTE_WEB needs Node 20.19 or later: run tools/dev web, then pass -DREMOTE_NODE=PATH")
endif()

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
