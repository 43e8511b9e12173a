# The ACP adapter as a target of its own: the program links it, and so does its fuzz target, which
# is built without the tools.
if(NOT TARGET remote_cli_acp)
  pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
  set(acp_sources
    acp_agents.c acp_asks.c acp_assets.c acp_attach.c acp_build.c acp_form_answer.c acp_forms.c
    acp_history.c acp_modes.c acp_output.c acp_questions.c acp_session.c acp_start.c acp_streams.c
    acp_tools.c acp_updates.c elevation.c json_mend.c jsonrpc.c ../redact/redact.c
    ../redact/redact_json.c ../redact/redact_named.c ../redact/redact_pattern.c
    ../redact/redact_pattern_parse.c ../redact/redact_shapes.c)
  list(TRANSFORM acp_sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
  add_library(remote_cli_acp STATIC ${acp_sources})
  target_include_directories(remote_cli_acp PUBLIC ${CMAKE_CURRENT_LIST_DIR}
    ${CMAKE_CURRENT_LIST_DIR}/../base ${CMAKE_CURRENT_LIST_DIR}/../redact
    ${PROJECT_SOURCE_DIR}/libremote/include)
  target_compile_definitions(remote_cli_acp PUBLIC _GNU_SOURCE)
  target_link_libraries(remote_cli_acp PUBLIC remote_base remote_gen PkgConfig::JANSSON
    PRIVATE remote_warnings)
endif()
