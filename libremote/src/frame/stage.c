typedef int lrm__frame_stage;
