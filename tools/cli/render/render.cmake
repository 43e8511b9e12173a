# What a session looks like in a terminal, as a target of its own: the programs link it, and so does
# its fuzz target, which is built without the tools.
if(NOT TARGET remote_cli_render)
  # Foreign text on its way to a terminal.
  add_library(remote_cli_text STATIC
    ${CMAKE_CURRENT_LIST_DIR}/terminal_text.c ${CMAKE_CURRENT_LIST_DIR}/unicode_text.c)
  target_include_directories(remote_cli_text PUBLIC ${CMAKE_CURRENT_LIST_DIR}
    ${CMAKE_CURRENT_LIST_DIR}/../base)
  target_compile_definitions(remote_cli_text PUBLIC _GNU_SOURCE)
  target_link_libraries(remote_cli_text PRIVATE remote_warnings)

  set(render_sources ask_text.c event_words.c line_diff.c markdown_text.c transcript.c
    transcript_ask.c transcript_diff.c transcript_events.c transcript_tool.c wrap_text.c)
  list(TRANSFORM render_sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
  add_library(remote_cli_render STATIC ${render_sources})
  target_link_libraries(remote_cli_render PUBLIC remote_cli_text remote_gen remote_base
    PRIVATE remote_warnings)
endif()
