typedef int lrm__session_stage;
