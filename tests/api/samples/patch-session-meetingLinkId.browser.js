const inputBody = '{
"deleted": true,
"deletedOn": "2019-08-24T14:15:22Z",
"deletedBy": "string",
"createdOn": "2019-08-24T14:15:22Z",
"modifiedOn": "2019-08-24T14:15:22Z",
"createdBy": "string",
"modifiedBy": "string",
"id": 0,
"sessionId": "string",
"meetingLink": "string",
"isScheduled": true,
"scheduleTime": "2019-08-24T14:15:22Z",
"isArchived": true,
"archiveId": "string",
"uploadTarget": "string",
"startTime": "2019-08-24T14:15:22Z",
"endTime": "2019-08-24T14:15:22Z",
"extId": "string",
"extMetadata": {}
}';
const headers = {
'Content-Type':'application/json',
'Authorization':'Bearer {access-token}'
};
fetch('/session/{meetingLinkId}',
{
method: 'PATCH',
body: inputBody,
headers: headers
})
.then(function(res) {
return res.json();
}).then(function(body) {
console.log(body);
});
