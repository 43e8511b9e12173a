/* asks_lost.pml: an answer is under way while the host loses its journal, or goes on with an older copy of it.  Spin 6.5.
 * The agent (a child of the host, it dies with it) asks one thing after the other; a remote person answers what is on the screen,
 * once; the local person answers too.  host journal -> relay (events; the one command) -> client.  The relay loses nothing here.
 * Events are counted; their content is the generation that wrote them, so a rolled-back journal is told as clause 3.10 says. Each
 * process begins with an event, a new epoch with a snapshot. Arrays of two: 0 the journal, 1 the copy of it.
 * Ghosts: took (the agent got the remote answer), sreal (the real ask the person meant), limit (clause 12.8: rolled back without a
 * trace at the relay, so nobody can tell).
 * What holds: an answer decides only the ask that was seen; an outcome that says "no effect" (SUPERSEDED, NO_SUCH_ASK) is true; every
 * answer ends in an outcome; no ask stays open on a screen when nobody waits for it; nobody waits for ever.
 *  default         the rules 3.10, 3.11, 12.1, 12.3, 12.5, 13.1, 13.2
 *  -DNO_STAMP      host does not compare the event epoch of a command with its own (-DID_COUNT too: and counts ask ids in the journal)
 *  -DID_COUNT      ids are counted in the journal; alone it is masked by the stamp
 *  -DNO_CONFIRM    host judges before OPENED has confirmed its epoch
 *  -DEARLY_SETTLE  a starting host runs journalled answers through the arbiter at once, not when its epoch is confirmed
 *  -DNO_GEN        a fork is told by the end of the log alone, not by the writer's generation    -DNO_FORK  not at all
 *  -DNO_ASK        client does not ask with QueryOutcome, through the same queue, when a new process of the host begins; what was
 *                  stored and is not known then is UNKNOWN
 *  -DCURSOR        instead of asking: COMMANDS that begin beyond the journal's cursor tell a fork too; not adopted
 *  -DNO_ORPHAN     asks of a dead process stay open      -DCLIENT_WAITS  client does not declare UNKNOWN when the epoch ends
 *  -DTELL_FIRST    the agent is told before the resolution is journalled
 *  -DSTRICT        without the exception of clause 12.8  -DNO_LOSS -DNO_OLD  without that fault */
#ifndef F
#define F 2
#endif
#ifndef ASKS
#define ASKS 2                   /* that the agent opens, in all */
#endif
#define NE 11
#define LOCAL 1
#define REMOTE 2
#define ORPH 3
#define APPLIED 1
#define SUPERSEDED 2
#define NOSUCH 3
#define UNKNOWN 4
/* journal: epoch, end, generations, ask (id, opened at, resolution, resolved at; when the
 * one before was), known ids, command (received, outcome, outcome at,
 * cursor is beyond it), writer of each event */
byte je[2], jn[2], gens[2], ask[2], ap[2], res[2], rp[2], rq[2], known[2], ids[2], cj[2], co[2], con[2], cc[2], g[2*NE]; bool hasb;
/* host, volatile */
byte gen, real, tellp; bool alive, on, conf, cop, waits, mine;
/* relay */
byte re, rn, rg, raskid, raskreal, rout, former; bool raskon, rst, rack;
byte jreal[2];                   /* ghost: the real ask behind ask[] */
/* client */
byte ce, stamp, sid, sreal, out; bool sent;
byte life, took, nreal, nids, epochs = 1, nf, i; bool limit;
#define PUT g[jn[0]] = gen; jn[0]++
inline cp(x, y) { je[y]=je[x]; jn[y]=jn[x]; gens[y]=gens[x]; ask[y]=ask[x]; ap[y]=ap[x]; res[y]=res[x]; rp[y]=rp[x]; rq[y]=rq[x]; known[y]=known[x]; ids[y]=ids[x];
  cj[y]=cj[x]; co[y]=co[x]; con[y]=con[x]; cc[y]=cc[x]; jreal[y]=jreal[x]; i=0; do :: i<NE -> g[y*NE+i]=g[x*NE+i]; i++ :: else -> break od; i=0 }
inline zero() { jn[0]=0; gens[0]=0; ask[0]=0; ap[0]=0; res[0]=0; rp[0]=0; rq[0]=0; known[0]=0; ids[0]=0; cj[0]=0; co[0]=0; con[0]=0; cc[0]=0; jreal[0]=0;
  i=0; do :: i<NE -> g[i]=0; i++ :: else -> break od; i=0 }
inline outcome(o) { assert(co[0]==0); co[0]=o; con[0]=jn[0]; PUT }
inline newepoch() { former = former | (1<<je[0]); epochs++; je[0]=epochs; jn[0]=0; ap[0]=0; rp[0]=0; rq[0]=0; con[0]=0; mine=true;
  i=0; do :: i<NE -> g[i]=0; i++ :: else -> break od; i=0; PUT;                              /* the snapshot */
  if :: cj[0]==1 && co[0]==0 -> outcome(UNKNOWN) :: else fi }
inline answered() {                                            /* through the arbiter */
  if
#ifndef NO_STAMP
  :: stamp != je[0] -> outcome(UNKNOWN)
  :: stamp == je[0] && !(known[0] & (1<<sid)) -> outcome(NOSUCH)
  :: stamp == je[0] && (known[0] & (1<<sid)) ->
#else
  :: !(known[0] & (1<<sid)) -> outcome(NOSUCH)
  :: known[0] & (1<<sid) ->
#endif
     if :: ask[0]==sid && res[0]==0 -> assert(real==sreal);     /* the ask that was seen, no other */
#ifdef TELL_FIRST
           tellp=REMOTE; cj[0]=2
#else
           res[0]=REMOTE; rp[0]=jn[0]; PUT; outcome(APPLIED); tellp=REMOTE
#endif
        :: else -> outcome(SUPERSEDED) fi
  fi }
#define BEHIND (rn>jn[0])
#ifdef NO_FORK
#define FORK false
#elif defined(NO_GEN)
#define FORK BEHIND
#else
#define FORK (BEHIND || (rn>0 && (!(gens[0] & (1<<rg)) || rg<g[rn-1])))
#endif
#ifdef NO_CONFIRM
#define MAYJUDGE true
#else
#define MAYJUDGE conf
#endif
inline crash() { alive=false; on=false; conf=false; cop=false; waits=false; mine=false; real=0; tellp=0; gen=0 }
#define LIED (out==SUPERSEDED || out==NOSUCH)
active proctype P() {
  atomic { je[0]=1 }
  do
  /* ---- host */
  :: atomic { !alive -> alive=true; life++; gen=life; gens[0]=gens[0] | (1<<gen); PUT;
#ifndef NO_ORPHAN
       if :: ask[0]!=0 && res[0]==0 -> res[0]=ORPH; rp[0]=jn[0]; PUT :: else fi;
#endif
       if :: cj[0]==2 -> cj[0]=1 :: else fi;
#ifdef EARLY_SETTLE
       if :: cj[0]==1 && co[0]==0 && stamp==je[0] -> answered() :: else fi;
#endif
     }
  :: atomic { alive && !waits && tellp==0 && nreal<ASKS && (ask[0]==0 || res[0]!=0) -> nreal++; real=nreal;
#ifdef ID_COUNT
       ids[0]++; ask[0]=ids[0];
#else
       nids++; ask[0]=nids;
#endif
       known[0]=known[0] | (1<<ask[0]); res[0]=0; rq[0]=rp[0]; ap[0]=jn[0]; jreal[0]=real; PUT; waits=true }
  :: atomic { alive && waits && res[0]==0 && tellp==0 -> res[0]=LOCAL; rp[0]=jn[0]; PUT; tellp=LOCAL }
  :: atomic { alive && tellp!=0 -> if :: waits -> if :: tellp==REMOTE -> took++; assert(took<=1) :: else fi :: else fi; waits=false;
#ifdef TELL_FIRST
       if :: tellp==REMOTE -> tellp=9 :: else -> tellp=0 fi }
  :: atomic { alive && tellp==9 -> tellp=0; res[0]=REMOTE; rp[0]=jn[0]; PUT; outcome(APPLIED) }
#else
       tellp=0 }
#endif
  :: atomic { alive && !on -> on=true; conf=false; cop=false;                                          /* OPEN and OPENED of EVENTS */
       if :: re!=je[0] && (former & (1<<je[0])) && re!=0 -> newepoch(); on=false
          :: re!=je[0] && !(former & (1<<je[0]) && re!=0) -> if :: re!=0 -> former=former | (1<<re) :: else fi;
             re=je[0]; rn=0; rg=0; rout=0; raskon=false; raskid=0; raskreal=0; conf=true
          :: re==je[0] && FORK -> newepoch(); on=false
          :: re==je[0] && !(FORK) -> conf=true fi }
  :: atomic { on && conf && rn<jn[0] ->
       if :: ask[0]!=0 && (rn==ap[0]) && (rn!=0 || res[0]==0) -> raskid=ask[0]; raskreal=jreal[0]; raskon=true :: else fi;
       if :: ask[0]!=0 && ((res[0]!=0 && rn==rp[0]) || (rn==rq[0] && rn!=0 && raskid!=ask[0])) -> raskon=false :: else fi;
       if :: co[0]!=0 && rn==con[0] -> rout=co[0] :: else fi;
       rg=gen; rn++ }
  :: atomic { on && !cop -> cop=true;                                                                /* OPENED of COMMANDS */
       if :: rack && !cc[0] -> cc[0]=1;
#ifdef CURSOR
             if :: !mine -> newepoch(); on=false; conf=false :: else fi
#endif
          :: else fi }
  :: atomic { on && cop && rst && !rack && !cc[0] -> cc[0]=1; if :: cj[0]==0 -> cj[0]=1 :: else fi }
  :: atomic { on && cop && rst && !rack && cc[0] -> rack=true }
  :: atomic { alive && MAYJUDGE && cj[0]==1 && co[0]==0 && tellp==0 -> answered() }
  /* ---- client */
  :: atomic { re!=0 && ce!=re && rn>0 -> ce=re; if :: sent && out==0 ->
       if :: rout!=0 -> out=rout
#ifndef CLIENT_WAITS
          :: rout==0 && stamp!=ce -> out=UNKNOWN
#endif
          :: else fi :: else fi }
  :: atomic { ce!=0 && ce==re && sent && out==0 && rout!=0 -> out=rout }
  :: atomic { ce!=0 && ce==re && !sent && raskon -> sent=true; stamp=ce; sid=raskid; sreal=raskreal }
  :: atomic { sent && !rst -> rst=true }
#if !defined(NO_ASK) && !defined(CURSOR)
  :: atomic { sent && out==0 && rst && ce==re && on && conf && cop && cc[0] && cj[0]==0 && life>1 -> out=UNKNOWN }   /* the host does not know it */
#endif
#ifndef STRICT
  :: atomic { LIED && took && !limit -> assert(false) }
#else
  :: atomic { LIED && took -> assert(false) }
#endif
  /* ---- faults */
  :: atomic { nf<F && alive -> nf++; crash() }
#ifndef NO_LOSS
  :: atomic { nf<F && alive -> nf++; crash(); zero(); epochs++; je[0]=epochs }
#endif
#ifndef NO_OLD
  :: atomic { alive && !hasb -> hasb=true; cp(0,1) }
  :: atomic { nf<F && alive && hasb -> nf++; crash();
       if :: took && res[1]!=REMOTE && (!rack || cc[1]) && re==je[1] && rn<=jn[1] -> limit=true :: else fi; cp(1,0) }
#endif
  :: timeout -> assert(on && conf && re==je[0] && rn==jn[0] && ce==re); assert(!waits && !raskon);
       assert(!sent || out!=0); assert(!sent || co[0]!=0 || stamp!=je[0] || cj[0]==0); break
  od
}
