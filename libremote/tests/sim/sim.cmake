# The simulated world as a library: `sim` runs seeds in it, fuzz/system.c runs scripts. Needs the
# target remote_relay_core.
if(NOT TARGET sim_world)
  set(sim_sources sim_agent.c sim_client.c sim_commanded.c sim_commands.c sim_disk.c sim_faults.c
    sim_host.c sim_judge.c sim_network.c sim_oracle.c sim_pipe.c sim_poll.c sim_relay.c sim_report.c
    sim_script.c sim_steps.c sim_world.c)
  list(TRANSFORM sim_sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
  add_library(sim_world STATIC ${sim_sources})
  target_include_directories(sim_world
    PUBLIC ${CMAKE_CURRENT_LIST_DIR} ${PROJECT_SOURCE_DIR}/libremote/src)
  target_link_libraries(sim_world PUBLIC remote_relay_core remote_poll_exchanges remote_session remote_log remote_link
    PRIVATE remote_warnings)
endif()
