# testee-parts: relay, host and client of this library on a virtual clock.
find_package(PkgConfig REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)

add_executable(testee_parts
  parts_main.c parts_harness.c parts_json.c parts_disk.c parts_wire.c parts_relay.c parts_host.c
  parts_host_acts.c parts_client.c)
set_target_properties(testee_parts PROPERTIES OUTPUT_NAME testee-parts)
target_compile_definitions(testee_parts PRIVATE
  _POSIX_C_SOURCE=200809L REMOTE_VERSION="${PROJECT_VERSION}")
target_link_libraries(testee_parts PRIVATE
  remote_relay_core remote_session remote_log_sqlite remote_log remote_link remote_system
  PkgConfig::JANSSON remote_warnings)
