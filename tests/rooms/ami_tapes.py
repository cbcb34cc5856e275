"""Lists that an Asterisk 22.10.1 sent, shortened; {id} stands for the action's id."""

QUEUE_STATUS = """
Response: Success
ActionID: {id}
EventList: start
Message: Queue status will follow

Event: QueueParams
Queue: support
Max: 0
Strategy: rrmemory
Calls: 2
Holdtime: 7
TalkTime: 61
Completed: 5
Abandoned: 1
ServiceLevel: 0
ServicelevelPerf: 0.0
ServicelevelPerf2: 0.0
Weight: 0
ActionID: {id}

Event: QueueMember
Queue: support
Name: Анна
Location: PJSIP/anna
StateInterface: PJSIP/anna
Membership: static
Penalty: 0
CallsTaken: 5
LastCall: 1795371357
LastPause: 0
LoginTime: 1795371353
InCall: 1
Status: 2
Paused: 0
PausedReason: 
Wrapuptime: 0
ActionID: {id}

Event: QueueMember
Queue: support
Name: Борис
Location: PJSIP/boris
StateInterface: PJSIP/boris
Membership: dynamic
Penalty: 3
CallsTaken: 0
LastCall: 0
LastPause: 1795371360
LoginTime: 1795371353
InCall: 0
Status: 1
Paused: 1
PausedReason: обед
Wrapuptime: 0
ActionID: {id}

Event: QueueEntry
Queue: support
Position: 2
Channel: PJSIP/trunk-00000003
Uniqueid: pb.9.1
CallerIDNum: unknown
CallerIDName: unknown
ConnectedLineNum: unknown
ConnectedLineName: unknown
Wait: 2
Priority: 0
ActionID: {id}

Event: QueueEntry
Queue: support
Position: 1
Channel: PJSIP/trunk-00000002
Uniqueid: pb.8.1
CallerIDNum: unknown
CallerIDName: unknown
ConnectedLineNum: unknown
ConnectedLineName: unknown
Wait: 31
Priority: 0
ActionID: {id}

Event: QueueParams
Queue: night
Max: 0
Strategy: ringall
Calls: 0
Holdtime: 0
TalkTime: 0
Completed: 0
Abandoned: 0
ServiceLevel: 0
ServicelevelPerf: 0.0
ServicelevelPerf2: 0.0
Weight: 0
ActionID: {id}

Event: QueueStatusComplete
ActionID: {id}
EventList: Complete
ListItems: 6
"""

NOTHING = """
Response: Success
ActionID: {id}
EventList: start
Message: Result will follow

Event: NothingComplete
ActionID: {id}
EventList: Complete
ListItems: 0
"""

CHANNELS = """
Response: Success
ActionID: {id}
EventList: start
Message: Channels will follow

Event: CoreShowChannel
ActionID: {id}
Channel: PJSIP/trunk-00000000
ChannelState: 6
ChannelStateDesc: Up
CallerIDNum: 79160000001
CallerIDName: <unknown>
ConnectedLineNum: <unknown>
ConnectedLineName: <unknown>
Language: ru
AccountCode: 
Context: device-answered
Exten: support
Priority: 1
Uniqueid: pb.8.1
Linkedid: pb.8.1
Application: Queue
ApplicationData: support
Duration: 00:00:02
BridgeId: b9d16da0-04f6-4777-865b-d6772d5d6114

Event: CoreShowChannel
ActionID: {id}
Channel: PJSIP/anna-00000001
ChannelState: 5
ChannelStateDesc: Ringing
CallerIDNum: support
CallerIDName: <unknown>
ConnectedLineNum: <unknown>
ConnectedLineName: <unknown>
Language: ru
AccountCode: 
Context: agents
Exten: support
Priority: 1
Uniqueid: 1795371353.4
Linkedid: pb.8.1
Application: AppQueue
ApplicationData: (Outgoing Line)
Duration: 00:00:02
BridgeId: 

Event: CoreShowChannelsComplete
ActionID: {id}
EventList: Complete
ListItems: 2
"""

TREE = """
Response: Success
ActionID: {id}
EventList: start
Message: Result will follow

Event: DBGetTreeResponse
Key: /pbx-bridge/12/pb.8.1
Val: 17: занято
ActionID: {id}

Event: DBGetTreeResponse
Key: /pbx-bridge/12/pb.9.1
Val: 
ActionID: {id}

Event: DBGetTreeComplete
ActionID: {id}
EventList: Complete
ListItems: 2
"""
