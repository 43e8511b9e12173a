# The scripts as C, and where packages put them.
set(completion_c "#include \"completion_scripts.h\"\n")
set(completion_list "")
foreach(pair "bash:remote.bash" "zsh:_remote" "fish:remote.fish")
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 shell)
  list(GET pair 1 file)
  file(READ ${CMAKE_CURRENT_LIST_DIR}/${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND completion_c "static const unsigned char ${shell}_text[] = {${bytes}};\n")
  string(APPEND completion_list "    {\"${shell}\", ${shell}_text, sizeof ${shell}_text},\n")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
    ${CMAKE_CURRENT_LIST_DIR}/${file})
endforeach()
string(APPEND completion_c "const completion_script completion_scripts[] = {\n${completion_list}};\n"
  "const size_t completion_scripts_count =\n    sizeof completion_scripts / sizeof *completion_scripts;\n")
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/completion_scripts.c CONTENT "${completion_c}")

install(FILES completion/remote.bash DESTINATION share/bash-completion/completions RENAME remote)
install(FILES completion/_remote DESTINATION share/zsh/vendor-completions)
install(FILES completion/remote.fish DESTINATION share/fish/vendor_completions.d)
