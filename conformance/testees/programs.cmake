# The real programs through the suite, on the real clock: mostly waiting, so several at a time.
# Debian's python3-protobuf belongs to Debian's Python.
find_program(SYSTEM_PYTHON3 NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)

# remote_conformance_program(NAME ROLE [ARGS...])
function(remote_conformance_program name role)
  add_test(NAME ${name} COMMAND ${SYSTEM_PYTHON3} ${PROJECT_SOURCE_DIR}/conformance/remote-conformance
    --verbose --jobs 4 --role ${role}
    --testee "${SYSTEM_PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/programs.py --build ${PROJECT_BINARY_DIR}"
    ${ARGN})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS conformance)
endfunction()

if(SYSTEM_PYTHON3)
  remote_conformance_program(conformance_relay RELAY)
  remote_conformance_program(conformance_host HOST)
  remote_conformance_program(conformance_client CLIENT)
endif()
