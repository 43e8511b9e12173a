# Captures taken apart, as a target of its own: the program links it, and so does its fuzz target,
# which is built without the tools.
include(${CMAKE_CURRENT_LIST_DIR}/../render/render.cmake)
if(NOT TARGET remote_cli_inspect)
  pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
  set(inspect_sources capture_blank.c capture_format.c inspect_flow.c inspect_payload.c
    inspect_print.c inspect_source.c json_event.c)
  list(TRANSFORM inspect_sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
  add_library(remote_cli_inspect STATIC ${inspect_sources})
  target_include_directories(remote_cli_inspect PUBLIC ${CMAKE_CURRENT_LIST_DIR})
  target_compile_definitions(remote_cli_inspect PUBLIC _GNU_SOURCE)
  target_link_libraries(remote_cli_inspect
    PUBLIC remote_cli_text remote_session remote_frame remote_system PkgConfig::JANSSON PRIVATE remote_warnings)
endif()
